import Configuration
import Datasets
import Machine
import Network
import Storage
import TestSupport
import Testing
import Training

/// A net with weights and images, and a run that would train it.
struct ExchangeCase: Sendable, CustomTestStringConvertible {
  var name: String
  var model: ModelSpecification
  var seed: UInt64 = 1
  var examples = 3
  var normScale: Float = 1
  var source = DataConfiguration.Source.synthetic(examples: 1, testExamples: 0, classes: 1)
  var scale = 1.0 / 255
  var mean = [0.0]
  var std = [1.0]
  /// Whether the images are floats.
  var isFloat = false

  var testDescription: String { name }

  var configuration: RunConfiguration {
    RunConfiguration(
      name: name, seed: 1, model: model,
      data: DataConfiguration(source: source, scale: scale, mean: mean, std: std),
      training: TrainingConfiguration(
        epochs: 1, batchSize: 1, shuffle: false,
        optimizer: OptimizerConfiguration(learningRate: 0), learningRateSchedule: .constant),
      runtime: RuntimeConfiguration(
        workers: .count(1), shardSize: 4, policy: .none, nodes: nil, useSMT: false, memory: MemoryConfiguration()),
      checkpoint: CheckpointConfiguration(everyEpochs: 0), logging: LoggingConfiguration(everySteps: 1))
  }

  func weights() throws -> [NamedTensor] {
    RandomNormedNetwork.parameters(try ModelGraph(model), seed: seed, normScale: normScale).map {
      NamedTensor(name: $0.name, shape: $0.shape, values: $0.values)
    }
  }

  var bytes: [UInt8] { RandomNormedNetwork.bytes(examples * model.input.elementCount, seed: seed) }

  /// The pixels as floats.
  var pixels: [Float] { bytes.map { isFloat ? Float($0) / 4 - 17 : Float($0) } }

  func images() throws -> ImageDataset {
    let input = model.input
    let labels = [Int32](repeating: 0, count: examples)
    let classes = try ModelGraph(model).classes
    return isFloat
      ? try ImageDataset(
        height: input.height, width: input.width, channels: input.channels, classCount: classes, floats: pixels,
        labels: labels)
      : try ImageDataset(
        height: input.height, width: input.width, channels: input.channels, classCount: classes, bytes: bytes,
        labels: labels)
  }

  /// What this program computes.
  func probabilities(_ weights: [NamedTensor]) throws -> [Float] {
    let predictor = try Predictor(
      configuration: configuration, topology: try Topology.read(), kernels: testKernels, weights: weights)
    var all: [Float] = []
    try predictor.predict(try images()) { _, row in all += row }
    return all
  }

  /// Every preset at a size at which its layers still have something to do.
  static let presets: [ExchangeCase] = PresetRegistry.presets.flatMap { preset in
    let stems: [PresetStem?] = preset.hasStem ? PresetStem.allCases : [nil]
    return stems.map { stem in
      let side = stem == .imagenet ? 64 : preset.name.hasPrefix("resnet") ? 16 : nil
      return ExchangeCase(
        name: "\(preset.name)\(stem.map { "-\($0.rawValue)" } ?? "")",
        model: preset.model(
          classes: 10, input: side.map { ImageShape(height: $0, width: $0, channels: 3) }, stem: stem),
        normScale: preset.name.hasPrefix("resnet") ? 0.5 : 1, mean: [0.5], std: [0.25])
    }
  }

  /// A net for each activation: on maps, behind norms, in blocks and after them, on flat values, with dropout between.
  static let activations: [ExchangeCase] = [
    ("gelu", LayerKind(GELU())), ("silu", LayerKind(SiLU())), ("leaky", LayerKind(LeakyReLU(slope: 0.2))),
    ("negative-leaky", LayerKind(LeakyReLU(slope: -0.5))), ("capped", LayerKind(ReLU(maximum: 0.7))),
    ("relu6", .relu6), ("relu", .relu),
  ].enumerated().map { number, activation in
    let (name, kind) = activation
    let convolution = LayerKind(Conv2D(filters: 8, Window(Extent(3), padding: .same)))
    let norm = LayerKind(BatchNorm(epsilon: 1e-5, center: true, scale: true))
    let block = ResidualBlock(
      name: "residual_1", layers: TestNetworks.named([convolution, norm, kind, convolution]), shortcut: [],
      activation: ActivationWord(kind) == nil ? nil : kind, times: 2)
    let (front, end): ([LayerKind], [LayerKind]) = (
      [convolution, norm, kind, LayerKind(MaxPool2D(Window(Extent(2), strides: Extent(2)), ties: .first))],
      [
        LayerKind(Dropout(rate: 0.4)), .flatten, LayerKind(Dense(units: 12, usesBias: true)), kind,
        LayerKind(Dropout(rate: 0.2)), LayerKind(Dense(units: 5, usesBias: true)), .softmax,
      ]
    )
    let layers = TestNetworks.named(front + end)
    let entries =
      layers[..<front.count].map { ModelEntry.layer($0) } + [.residual(block)]
      + layers[front.count...].map { .layer($0) }
    return ExchangeCase(
      name: "activation-\(name)",
      model: ModelSpecification(input: ImageShape(height: 12, width: 10, channels: 3), entries: entries),
      seed: UInt64(200 + number), examples: 6, normScale: 1, mean: [0.5], std: [0.25])
  }

  /// A random net; every third has floats for pixels.
  static func random(_ seed: UInt64) throws -> ExchangeCase {
    let model = try RandomNormedNetwork.model(seed: seed)
    var example = ExchangeCase(name: "net-\(seed)", model: model, seed: seed, examples: 5)
    example.isFloat = seed % 3 == 0
    if example.isFloat { example.scale = seed % 2 == 0 ? 1 : 0.02 }
    if seed % 4 == 1 {
      let channels = model.input.channels
      example.mean = (0..<channels).map { 0.4 + Double($0) / 64 }
      example.std = (0..<channels).map { 0.3 - Double($0) / 256 }
    }
    return example
  }
}

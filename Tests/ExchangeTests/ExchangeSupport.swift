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

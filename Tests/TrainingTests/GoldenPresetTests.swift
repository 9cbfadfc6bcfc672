import Datasets
import Network
import ReferenceKernels
import Storage
import TestSupport
import Testing

@testable import Training

/// A step of residual nets against float64 PyTorch; see Tests/Fixtures/golden/README.md.
@Suite("Presets against float64 PyTorch", .serialized)
struct GoldenPresetTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var examples: Int
    var side: Int
    var stem: PresetStem?
    var testDescription: String { name }

    func model() throws -> ModelSpecification {
      if name == "inverted" { return TestNetworks.inverted }
      return try #require(PresetRegistry.preset(named: name)).model(
        classes: 10, input: ImageShape(height: side, width: side, channels: 3), stem: stem)
    }

    var pixels: [UInt8] { (0..<examples * side * side * 3).map { UInt8(Hash.value("images", $0) >> 24) } }
    var labels: [Int32] { (0..<examples).map { Int32(7 * $0 % 10) } }
  }

  static let cases = [
    Case(name: "resnet20", examples: 4, side: 32),
    Case(name: "resnet18", examples: 3, side: 16, stem: .cifar),
    Case(name: "inverted", examples: 24, side: 8),
    Case(name: "resnet50", examples: 4, side: 32),
    Case(name: "mobilenet_v2", examples: 3, side: 16, stem: .cifar),
  ]

  @Test("every layer's output and every gradient of the naive twins agree", arguments: cases)
  func layers(_ example: Case) throws {
    let golden = try Golden("preset-\(example.name)")
    let graph = try ModelGraph(example.model())
    var parameters: [String: [Double]] = [:]
    for tensor in Self.parameters(graph) { parameters[tensor.name] = tensor.values.map(Double.init) }
    let images = Tensor4(
      count: example.examples, height: example.side, width: example.side, channels: 3,
      values: example.pixels.map { Double($0) / 256 })
    let reference = ReferenceNetwork(graph, parameters: parameters, draws: ReferenceDraws(seed: 1))
    let pass = reference.pass(images, labels: example.labels.map(Int.init))
    #expect(abs(pass.loss - golden.doubles("loss")[0]) < 1e-6)
    // The probabilities are in the loss.
    for layer in graph.layers.dropLast() {
      let expected = golden.doubles("outputs.\(layer.name)")
      expectNear(Self.sample(pass.activations[layer.output].values), expected, 1e-6, layer.name)
    }
    for parameter in graph.layers.flatMap({ layer in graph.parameters(of: layer).map { (layer, $0) } })
    where parameter.1.role.isTrained {
      let name = "\(parameter.0.name).\(parameter.1.part)"
      expectNear(
        Self.sample(try #require(pass.gradients[name])), golden.doubles("gradients.\(name)"), 1e-6, name)
    }
  }

  /// A value near 0 may lie on the other side of it in float32, and a ReLU then decides otherwise for all gradients before
  /// it; so the tolerance for gradients is wide. resnet50 and mobilenet_v2 have 4 and 12 values per channel in their last
  /// stages, which makes it worse. The inverted block is small and smooth, and so is its error.
  @Test("a step's loss, every gradient and the running statistics agree", arguments: cases.prefix(3))
  func step(_ example: Case) throws {
    let golden = try Golden("preset-\(example.name)")
    let model = try example.model()
    let initial = Self.parameters(try ModelGraph(model))
    let run = TestRun(model).with {
      $0.batchSize = example.examples
      $0.shardSize = 1
      $0.shuffle = false
      $0.epochs = 1
      $0.learningRate = 1
      $0.momentum = 0
      $0.scale = 1.0 / 256
      $0.workers = 2
      $0.initialWeights = initial
    }
    let data = try ImageDataset(
      height: example.side, width: example.side, channels: 3, classCount: 10, bytes: example.pixels,
      labels: example.labels)
    let trainer = try run.trainer(TestData(train: data))
    var losses: [Double] = []
    _ = try trainer.run(stop: StopFlag()) { event in
      if case .step(let step, progress: false) = event { losses.append(step.loss) }
    }
    let loss = golden.doubles("loss")[0]
    #expect(losses.count == 1 && abs(losses[0] - loss) <= 1e-4 * loss)
    for (before, after) in zip(initial, trainer.weights()) {
      #expect(before.name == after.name)
      if after.name.contains("running") {
        expectNear(
          Self.sample(after.values.map(Double.init)), golden.doubles("after.\(after.name)"), 1e-4, after.name)
      } else {
        let gradient = zip(before.values, after.values).map { Double($0) - Double($1) }
        expectNear(
          Self.sample(gradient), golden.doubles("gradients.\(after.name)"), example.name == "inverted" ? 1e-4 : 0.1,
          after.name)
      }
    }
  }

  /// The samples within `tolerance` of the largest of them, the norm of itself.
  private func expectNear(_ values: [Double], _ expected: [Double], _ tolerance: Double, _ name: String) {
    // The bias of a norm before a convolution with a norm has no gradient except rounding.
    guard (values + expected).contains(where: { abs($0) > 1e-9 }) else { return }
    let error = max(
      worstRelativeError(Array(values.dropLast()), Array(expected.dropLast())),
      worstRelativeError(Array(values.suffix(1)), Array(expected.suffix(1))))
    #expect(error <= tolerance, "\(name): \(error)")
  }

  /// The elements at 32 places and the norm.
  private static func sample(_ values: [Double]) -> [Double] {
    let places = (1...32).map { Int(Hash.mixed($0)) % values.count }
    return places.map { values[$0] } + [values.reduce(0) { $0 + $1 * $1 }.squareRoot()]
  }

  private static func parameters(_ graph: ModelGraph) -> [NamedTensor] {
    graph.layers.flatMap { layer in
      graph.parameters(of: layer).map { parameter in
        let name = "\(layer.name).\(parameter.part)"
        let fanIn = parameter.positions * parameter.channels
        let isWeight = parameter.role == .weight
        let centre: Float = parameter.part == "weight" || parameter.part == "running_var" ? 1 : 0
        let limit = Float((6 / Double(fanIn)).squareRoot())
        let values = (0..<parameter.elementCount).map { index in
          let uniform = Float(Int(Hash.value(name, index) >> 8) - (1 << 23)) / Float(1 << 23)
          return isWeight ? uniform * limit : centre + 0.25 * uniform
        }
        return NamedTensor(name: name, shape: parameter.shape, values: values)
      }
    }
  }
}

/// The hashes of Tests/Fixtures/golden/make_presets.py.
private enum Hash {
  /// MurmurHash3's last steps.
  static func mixed(_ value: Int) -> UInt32 {
    var x = UInt32(truncatingIfNeeded: value)
    x = (x ^ (x >> 16)) &* 0x85EB_CA6B
    x = (x ^ (x >> 13)) &* 0xC2B2_AE35
    return x ^ (x >> 16)
  }

  static func value(_ name: String, _ index: Int) -> UInt32 { mixed(index + Int(fnv(name))) }

  /// FNV-1a.
  private static func fnv(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}

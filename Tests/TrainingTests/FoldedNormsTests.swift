import KernelInterface
import Network
import Storage
import TestSupport
import Testing

@testable import Training

@Suite("Norms computed in the layers before them")
struct FoldedNormsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var model: ModelSpecification
    var folded: Int
    var all: Int
    var testDescription: String { name }
  }

  /// After convolutions, depthwise ones and dense layers, in shortcuts too; not of the images, and not after a pool.
  static let cases = [
    Case(name: "chain", model: TestNetworks.meeting[2], folded: 4, all: 6),
    Case(name: "residual blocks", model: TestNetworks.residual(norm: .batchNorm), folded: 9, all: 9),
    Case(name: "inverted block", model: TestNetworks.inverted, folded: 4, all: 4),
    Case(name: "groups", model: TestNetworks.groups(of: 16)[0], folded: 4, all: 5),
  ]

  private static func weights(_ model: ModelSpecification, seed: UInt64 = 1) throws -> [NamedTensor] {
    RandomNormedNetwork.parameters(try ModelGraph(model), seed: seed)
      .map { NamedTensor(name: $0.name, shape: $0.shape, values: $0.values) }
  }

  private static func probabilities(
    _ model: ModelSpecification, _ weights: [NamedTensor], folds: Bool, workers: Int = 2, kernels: KernelTable? = nil
  ) throws -> (values: [Float], norms: FoldedNorms.Count) {
    let run = TestRun(model).with { $0.workers = workers }
    let data = try TestData.synthetic(model, 37, classes: ModelGraph(model).classes)
    let predictor = try Predictor(
      configuration: run.configuration, topology: try machine(), kernels: kernels ?? testKernels, weights: weights,
      foldsNorms: folds)
    var values: [Float] = []
    try predictor.predict(data.train) { values += $1 }
    return (values, predictor.norms)
  }

  @Test("give the same probabilities as norms of their own, but for rounding", arguments: cases)
  func agrees(example: Case) throws {
    let weights = try Self.weights(example.model)
    let folded = try Self.probabilities(example.model, weights, folds: true)
    let apart = try Self.probabilities(example.model, weights, folds: false)
    #expect(folded.norms == FoldedNorms.Count(folded: example.folded, all: example.all))
    #expect(apart.norms == FoldedNorms.Count(folded: 0, all: example.all))
    #expect(zip(folded.values, apart.values).allSatisfy { abs($0 - $1) <= 1e-5 })
    // They are not the same computation.
    #expect(folded.values.count == apart.values.count && folded.values != apart.values)
  }

  @Test("do so in random nets", arguments: UInt64(1)...20)
  func random(seed: UInt64) throws {
    let model = try RandomNormedNetwork.model(seed: seed)
    let weights = try Self.weights(model, seed: seed)
    let folded = try Self.probabilities(model, weights, folds: true)
    let apart = try Self.probabilities(model, weights, folds: false)
    #expect(zip(folded.values, apart.values).allSatisfy { abs($0 - $1) <= 1e-5 })
  }

  @Test("give the same bits for any number of workers, in every build", arguments: cases)
  func sameBits(example: Case) throws {
    let weights = try Self.weights(example.model)
    let expected = try Self.probabilities(example.model, weights, folds: true, workers: 1).values
    for workers in [2, 3, 17] {
      #expect(try Self.probabilities(example.model, weights, folds: true, workers: workers).values == expected)
    }
    for kernels in runnableKernels {
      #expect(try Self.probabilities(example.model, weights, folds: true, kernels: kernels).values == expected)
    }
  }

  // MARK: What is exact enough

  /// A convolution of one channel into two, its norm, and a dense layer.
  private static func small(epsilon: Double) -> ModelSpecification {
    ModelSpecification(
      input: ImageShape(height: 2, width: 2, channels: 1),
      layers: TestNetworks.named([
        .conv2d(filters: 2, kernelSize: 1, padding: .same, algorithm: .auto), LayerKind(BatchNorm(epsilon: epsilon)),
        .flatten, .dense(units: 2), .softmax,
      ]))
  }

  private static func folded(
    epsilon: Double = 1e-5, scale: [Float] = [1, 1], variance: [Float] = [1, 1], kernel: [Float] = [0.5, -2]
  ) throws -> FoldedNorms {
    let model = small(epsilon: epsilon)
    let values: [String: [Float]] = [
      "conv2d_1.weight": kernel, "conv2d_1.bias": [0.25, 0.5], "batch_norm_1.weight": scale,
      "batch_norm_1.bias": [3, 4], "batch_norm_1.running_mean": [1, 2], "batch_norm_1.running_var": variance,
    ]
    var weights = try weights(model)
    for i in weights.indices { weights[i].values = values[weights[i].name] ?? weights[i].values }
    return FoldedNorms(try ModelGraph(model), weights)
  }

  @Test("a scale of 0 leaves the shift, exactly; a variance of 0 is that of ε")
  func zeros() throws {
    let folded = try Self.folded(scale: [0, 2], variance: [1, 0])
    #expect(folded.norms == FoldedNorms.Count(folded: 1, all: 1))
    let tensors = Dictionary(uniqueKeysWithValues: folded.weights.map { ($0.name, $0.values) })
    let factor = 2 / 1e-5.squareRoot()
    #expect(tensors["conv2d_1.weight"] == [0, Float(-2 * factor)])
    #expect(tensors["conv2d_1.bias"] == [3, Float((0.5 - 2) * factor + 4)])
    #expect(folded.weights.map(\.name) == ["conv2d_1.weight", "conv2d_1.bias", "dense_1.weight", "dense_1.bias"])
    #expect(folded.model.layers.map(\.name) == ["conv2d_1", "flatten_1", "dense_1", "softmax_1"])
  }

  @Test("a norm stays where a Float would lose digits, or where it gives no numbers")
  func limits() throws {
    #expect(try Self.folded(scale: [1, 1e-11]).norms.folded == 1)
    #expect(try Self.folded(scale: [1, 1e-13]).norms.folded == 0)
    #expect(try Self.folded(epsilon: 1e-23, variance: [0, 1]).norms.folded == 1)
    #expect(try Self.folded(epsilon: 1e-25, variance: [0, 1]).norms.folded == 0)
    #expect(try Self.folded(variance: [-1, 1]).norms.folded == 0)
    #expect(try Self.folded(variance: [.nan, 1]).norms.folded == 0)
    #expect(try Self.folded(scale: [1e5, 1], kernel: [1e36, 1]).norms.folded == 0)
    let stays = try Self.folded(variance: [-1, 1])
    #expect(stays.model == Self.small(epsilon: 1e-5) && stays.weights.count == 8)
  }

  @Test("a net of which the norms alone are trained is evaluated all the same")
  func trainsNorms() throws {
    var model = Self.small(epsilon: 1e-5)
    for i in model.layers.indices where model.layers[i].name != "batch_norm_1" { model.layers[i].isTrainable = false }
    let weights = try Self.weights(model)
    let folded = try Self.probabilities(model, weights, folds: true)
    let apart = try Self.probabilities(model, weights, folds: false)
    #expect(folded.norms.folded == 1 && zip(folded.values, apart.values).allSatisfy { abs($0 - $1) <= 1e-5 })
    // And the other way round.
    for i in model.layers.indices { model.layers[i].isTrainable.toggle() }
    let frozen = try Self.probabilities(model, weights, folds: true)
    #expect(frozen.norms.folded == 1 && frozen.values == folded.values)
  }
}

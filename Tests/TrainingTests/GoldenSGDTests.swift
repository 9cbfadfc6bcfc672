import Datasets
import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Eight SGD steps on digits in file order against float64 PyTorch; see Tests/Fixtures/golden/README.md.
@Suite("Eight steps of SGD against float64 PyTorch")
struct GoldenSGDTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    var file: String
    var batchSize: Int
    var nesterov: Bool
    var testDescription: String { file }
  }

  static let variants = [
    Variant(file: "sgd-batch32", batchSize: 32, nesterov: false),
    // The eighth batch holds the last 37 of the 1,437 digits: 1/m must be its own.
    Variant(file: "sgd-batch200", batchSize: 200, nesterov: false),
    Variant(file: "sgd-nesterov", batchSize: 32, nesterov: true),
  ]

  /// Every parameter within 1e-4 of the distance that its tensor moved, both in the maximum norm.
  @Test("every parameter and loss agrees", arguments: variants, [ConvolutionAlgorithm.auto, .direct])
  func agrees(variant: Variant, algorithm: ConvolutionAlgorithm) throws {
    let initial = try Safetensors.read(fixture("golden/sgd-initial.safetensors")).tensors
    let golden = try Golden(variant.file)
    let data = try TestData.firstDigits(min(8 * variant.batchSize, TestData.digits.train.count))
    let trainer = try Self.run(variant, algorithm).with { $0.initialWeights = initial }.trainer(data)
    var losses: [Double] = []
    let summary = try trainer.run(stop: StopFlag()) { event in
      if case .step(let step, progress: false) = event { losses.append(step.loss) }
    }
    #expect(summary.steps == 8)
    let expectedLosses = golden.doubles("losses")
    #expect(losses.count == 8)
    for (step, (loss, expected)) in zip(losses, expectedLosses).enumerated() {
      #expect(abs(loss - expected) <= 1e-5 * expected, "loss of step \(step + 1)")
    }
    for tensor in trainer.weights() {
      let start = try #require(initial.first { $0.name == tensor.name }).values
      let end = golden.tensor(tensor.name)
      #expect(tensor.shape == end.shape)
      let moved = Self.distance(end.values, start)
      let error = Self.distance(tensor.values, end.values)
      #expect(moved > 1e-3, "\(tensor.name) moved")
      #expect(error <= 1e-4 * moved, "\(tensor.name): \(error / moved) of the distance it moved")
    }
  }

  /// The fixture separates the rules: a run with another one is far outside the tolerance.
  @Test("a step by other rules does not agree")
  func fixtureIsSharp() throws {
    let initial = try Safetensors.read(fixture("golden/sgd-initial.safetensors")).tensors
    let right = TestRun(TestNetworks.digitsTiesFirst).with {
      $0.batchSize = 200
      $0.shuffle = false
      $0.epochs = 1
      $0.weightDecay = 0.001
      $0.initialWeights = initial
    }
    let golden = try Golden("sgd-batch200")
    let wrong: [(String, TestRun)] = [
      ("ties", right.with { $0.model = TestNetworks.digits }), ("decay", right.with { $0.weightDecay = 0 }),
      ("nesterov", right.with { $0.nesterov = true }), ("momentum", right.with { $0.momentum = 0.91 }),
      ("rate", right.with { $0.learningRate = 0.051 }), ("order", right.with { $0.shuffle = true }),
    ]
    for (name, run) in wrong {
      let trainer = try run.trainer(.digits)
      _ = try trainer.run(stop: StopFlag()) { _ in }
      let agrees = try trainer.weights().allSatisfy { tensor in
        let start = try #require(initial.first { $0.name == tensor.name }).values
        let end = golden.floats(tensor.name)
        return Self.distance(tensor.values, end) <= 1e-4 * Self.distance(end, start)
      }
      #expect(!agrees, "\(name)")
    }
  }

  private static func run(_ variant: Variant, _ algorithm: ConvolutionAlgorithm) -> TestRun {
    var model = TestNetworks.digitsTiesFirst
    for index in model.layers.indices {
      guard var convolution = model.layers[index].kind.type as? Conv2D else { continue }
      convolution.algorithm = algorithm
      model.layers[index].kind = LayerKind(convolution)
    }
    return TestRun(model).with {
      $0.batchSize = variant.batchSize
      $0.nesterov = variant.nesterov
      $0.shuffle = false
      $0.epochs = 1
      $0.weightDecay = 0.001
      $0.workers = 3
    }
  }

  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    precondition(a.count == b.count, "Tensors of different sizes are compared.")
    return zip(a, b).map { abs(Double($0) - Double($1)) }.max() ?? 0
  }
}

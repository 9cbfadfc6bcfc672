import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Steps of a net with batch norms on digits in file order against float64 PyTorch; see Tests/Fixtures/golden/README.md.
@Suite("Batch norm against float64 PyTorch")
struct GoldenNormTests {
  static let model = ModelSpecification(
    input: TestNetworks.digits.input,
    layers: TestNetworks.named([
      TestNetworks.conv(9, 3), norm, .relu, .maxPool2d(ties: .first), TestNetworks.conv(20, 3), norm,
      .maxPool2d(ties: .first), .flatten, .dense(units: 24), norm, .relu, .dense(units: 10), .softmax,
    ]))
  static let norm = LayerKind(BatchNorm(momentum: 0.8, epsilon: 1e-3))

  private static func run() throws -> TestRun {
    let initial = try Safetensors.read(fixture("golden/norm-initial.safetensors")).tensors
    return TestRun(model).with {
      $0.batchSize = 50
      $0.shuffle = false
      $0.epochs = 1
      $0.weightDecay = 0.001
      $0.workers = 3
      $0.initialWeights = initial
    }
  }

  @Test("every parameter, running statistic and loss agrees after five steps, the last ragged")
  func steps() throws {
    let golden = try Golden("norm")
    let run = try Self.run()
    let trainer = try run.trainer(try .firstDigits(230))
    var losses: [Double] = []
    _ = try trainer.run(stop: StopFlag()) { event in
      if case .step(let step, progress: false) = event { losses.append(step.loss) }
    }
    #expect(losses.count == 5)
    for (loss, expected) in zip(losses, golden.doubles("losses")) { #expect(abs(loss - expected) <= 1e-5 * expected) }
    for tensor in trainer.weights() {
      let start = try #require(run.initialWeights?.first { $0.name == tensor.name }).values
      let end = golden.tensor(tensor.name)
      #expect(tensor.shape == end.shape)
      // A bias before a norm does not change the loss: it moves by decay and rounding alone.
      let moved = max(Self.distance(end.values, start), 1e-2)
      let error = Self.distance(tensor.values, end.values)
      #expect(error <= 1e-4 * moved, "\(tensor.name): \(error / moved) of the distance it moved")
    }
  }

  @Test("an inference normalises with the running statistics")
  func inference() throws {
    let golden = try Golden("norm")
    let names = Self.model.layers.map(\.name)
    let weights = try Safetensors.read(fixture("golden/norm.safetensors")).tensors.filter { tensor in
      names.contains { tensor.name.hasPrefix("\($0).") }
    }
    let data = try TestData.firstDigits(230)
    let run = try Self.run()
    var probabilities: [Float] = []
    try Predictor(
      configuration: run.configuration, topology: try machine(), kernels: testKernels, weights: weights
    ).predict(data.train) {
      probabilities += $1
    }
    let expected = golden.doubles("probabilities")
    #expect(probabilities.count == expected.count)
    #expect(zip(probabilities, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
  }

  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    precondition(a.count == b.count, "Tensors of different sizes are compared.")
    return zip(a, b).map { abs(Double($0) - Double($1)) }.max() ?? 0
  }
}

import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Steps of a net with batch norms on digits in file order against float64 PyTorch; see Tests/Fixtures/golden/README.md.
@Suite("Batch norm against float64 PyTorch")
struct GoldenNormTests {
  static func model(groups: Int?) -> ModelSpecification {
    let norm = LayerKind(BatchNorm(momentum: 0.8, epsilon: 1e-3, groupExamples: groups))
    return ModelSpecification(
      input: TestNetworks.digits.input,
      layers: TestNetworks.named([
        TestNetworks.conv(9, 3), norm, .relu, .maxPool2d(ties: .first), TestNetworks.conv(20, 3), norm,
        .maxPool2d(ties: .first), .flatten, .dense(units: 24), norm, .relu, .dense(units: 10), .softmax,
      ]))
  }

  /// The fixtures' names, and the examples of a group.
  static let cases: [(name: String, groups: Int?)] = [("norm", nil), ("norm-groups", 16)]

  private static func run(groups: Int?) throws -> TestRun {
    let initial = try Safetensors.read(fixture("golden/norm-initial.safetensors")).tensors
    return TestRun(model(groups: groups)).with {
      $0.batchSize = 50
      // Two shards to a group; the last group of a batch of 50 has 2 examples, that of the last batch 14.
      $0.shardSize = 8
      $0.shuffle = false
      $0.epochs = 1
      $0.weightDecay = 0.001
      $0.workers = 3
      $0.initialWeights = initial
    }
  }

  @Test("every parameter, running statistic and loss agrees after five steps, the last ragged", arguments: cases)
  func steps(name: String, groups: Int?) throws {
    let golden = try Golden(name)
    let run = try Self.run(groups: groups)
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

  @Test("an inference normalises with the running statistics", arguments: cases)
  func inference(name: String, groups: Int?) throws {
    let golden = try Golden(name)
    let names = Self.model(groups: groups).layers.map(\.name)
    let weights = try Safetensors.read(fixture("golden/\(name).safetensors")).tensors.filter { tensor in
      names.contains { tensor.name.hasPrefix("\($0).") }
    }
    let data = try TestData.firstDigits(230)
    let run = try Self.run(groups: groups)
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

import Network
import TestSupport
import Testing

@testable import Training

/// What `algorithm` may change: the last bits of sums, and nothing that matters to training.
@Suite("Convolution algorithms")
struct AlgorithmTests {
  private static func digits(_ algorithm: ConvolutionAlgorithm) -> ModelSpecification {
    ModelSpecification(
      input: TestNetworks.digits.input,
      layers: TestNetworks.digits.layers.map { layer in
        guard var convolution = layer.kind.type as? Conv2D else { return layer }
        convolution.algorithm = algorithm
        return LayerSpecification(name: layer.name, kind: LayerKind(convolution))
      })
  }

  @Test("an explicit algorithm is the one that runs, in a first layer too")
  func explicit() throws {
    func algorithms(_ algorithm: ConvolutionAlgorithm) throws -> [String] {
      try NetworkPlan(Self.digits(algorithm), capacity: ImageCapacity(shard: 1)).trainableLayers.map(\.algorithm)
    }
    #expect(try algorithms(.auto) == ["direct", "winograd", "gemm", "gemm"])
    #expect(try algorithms(.direct) == ["direct", "direct", "gemm", "gemm"])
    #expect(try algorithms(.winograd) == ["winograd", "winograd", "gemm", "gemm"])
    let data = try TestData.firstDigits(70)
    let run = TestRun(Self.digits(.winograd)).with { $0.epochs = 1 }
    let digests = try [1, 2, 3].map { workers in try run.with { $0.workers = workers }.digest(data) }
    #expect(Set(digests).count == 1)
    #expect(try digests[0] != TestRun(Self.digits(.auto)).with { $0.epochs = 1 }.digest(data))
  }

  @Test("direct and Winograd learn the digits alike")
  func curvesAgree() throws {
    let summaries = try [ConvolutionAlgorithm.direct, .auto].map { algorithm in
      try TestRun(Self.digits(algorithm)).with { $0.epochs = 8 }.train(.digits)
    }
    #expect(summaries[0].weightsDigest != summaries[1].weightsDigest)
    let losses = try summaries.map { try #require($0.validationLoss) }
    let accuracies = try summaries.map { try #require($0.validationAccuracy) }
    #expect(abs(losses[0] - losses[1]) < 0.1 * losses[0], "\(losses)")
    #expect(abs(accuracies[0] - accuracies[1]) < 0.01, "\(accuracies)")
    #expect(accuracies.allSatisfy { $0 > 0.95 }, "\(accuracies)")
  }
}

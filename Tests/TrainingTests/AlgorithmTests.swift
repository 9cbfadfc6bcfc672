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
      try NetworkPlan(Self.digits(algorithm), capacity: ImageCapacity(shard: 1)).workloads.filter { $0.weightBytes > 0 }
        .map(\.algorithm)
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

  /// 16 channels on either side, a square kernel that has transforms, and nothing but neighbours.
  @Test("auto goes by the shapes alone")
  func automatic() throws {
    func conv(_ filters: Int, _ window: Window, groups: Int = 1) -> LayerKind {
      LayerKind(Conv2D(filters: filters, window, groups: groups))
    }
    let plain = Window(Extent(3), padding: .same)
    let kinds: [(LayerKind, String)] = [
      (conv(20, plain), "direct"), (conv(16, plain), "winograd"), (conv(16, plain), "winograd"),
      (conv(32, plain), "winograd"), (conv(15, plain), "direct"),
      (conv(32, Window(Extent(5), padding: .same)), "direct"),
      (conv(17, Window(Extent(5), padding: .same)), "winograd"),
      (conv(32, Window(Extent(3), padding: .sides(Halo(top: 2, left: 1)))), "winograd"),
      (conv(32, Window(Extent(3), strides: Extent(1, 2), padding: .same)), "direct"),
      (conv(32, Window(Extent(3), dilation: Extent(2), padding: .same)), "direct"),
      (conv(32, Window(Extent(3, 5), padding: .same)), "direct"), (conv(32, Window(Extent(1))), "direct"),
      (conv(32, plain, groups: 2), "grouped"), (conv(32, plain, groups: 32), "depthwise"),
      (LayerKind(DepthwiseConv2D(plain)), "depthwise"), (LayerKind(DepthwiseConv2D(plain, multiplier: 2)), "grouped"),
    ]
    let model = ModelSpecification(
      input: ImageShape(height: 16, width: 16, channels: 3),
      layers: TestNetworks.named(kinds.map(\.0) + [LayerKind(GlobalAveragePool2D()), .dense(units: 2), .softmax]))
    let found = try NetworkPlan(model, capacity: ImageCapacity(shard: 1)).workloads.filter { $0.weightBytes > 0 }.map(
      \.algorithm)
    #expect(found == kinds.map(\.1) + ["gemm"])
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

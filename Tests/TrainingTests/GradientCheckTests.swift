import Datasets
import Diagnostics
import KernelInterface
import Measuring
import Network
import TestSupport
import Testing

/// Finite differences of the naive network in Double against the production kernels in Float, tolerance 1e-3.
@Suite("Gradient check of whole nets")
struct GradientCheckTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var model: ModelSpecification
    var classes: Int
    var elements: Int
    var shardSize = 16
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "digits", model: TestNetworks.digits, classes: 10, elements: 32),
    Case(name: "digits, ties first", model: TestNetworks.digitsTiesFirst, classes: 10, elements: 16),
    Case(name: "odd", model: TestNetworks.odd, classes: 3, elements: 24),
    Case(name: "narrow lenet", model: TestNetworks.narrowLenet, classes: 10, elements: 24),
    Case(name: "lenet", model: TestNetworks.lenet, classes: 10, elements: 2),
    Case(name: "average pools", model: TestNetworks.averagePools, classes: 4, elements: 64),
    Case(name: "unusual", model: TestNetworks.unusual, classes: 4, elements: 16),
    Case(name: "dropout", model: TestNetworks.dropout, classes: 4, elements: 16),
    Case(name: "smooth activations", model: TestNetworks.smooth, classes: 3, elements: 16),
    Case(name: "norms", model: TestNetworks.meeting[2], classes: 3, elements: 16),
    Case(name: "norms over groups", model: groups, classes: 3, elements: 16, shardSize: 1),
    Case(name: "perceptron", model: smallModel, classes: 3, elements: 256),
  ]

  /// Over two examples, over three of which the last batch has one left, and over the batch.
  private static let groups: ModelSpecification = {
    func norm(_ size: Int?) -> LayerKind { LayerKind(BatchNorm(epsilon: 1e-3, groupExamples: size)) }
    return ModelSpecification(
      input: ImageShape(height: 6, width: 4, channels: 3),
      layers: TestNetworks.named([
        norm(2), TestNetworks.conv(5, 3), norm(3), .relu, TestNetworks.conv(18, 3, .same, .winograd), norm(nil), .relu,
        .maxPool2d(ties: .first), .flatten, .dense(units: 3), .softmax,
      ]))
  }()

  @Test("every tensor passes", arguments: cases)
  func passes(_ example: Case) throws {
    let data = try TestData.synthetic(example.model, 6, classes: example.classes)
    let rows = try GradientCheck.run(
      configuration: TestRun(example.model).with { $0.shardSize = example.shardSize }.configuration,
      topology: try machine(), kernels: testKernels, training: data.train,
      elementsPerTensor: example.elements)
    let plan = try NetworkPlan(example.model, capacity: ImageCapacity(shard: 1))
    let trained = plan.parameters.parameters.filter(\.isTrained)
    #expect(rows.map { "\($0.layer).\($0.tensor)" } == trained.map(\.name) + ["images.input"])
    for row in rows {
      #expect(row.passed, "\(row.layer).\(row.tensor): \(row.worstError)")
      #expect(row.tolerance == 1e-3)
      #expect(row.checked + row.skipped == min(row.elements, example.elements))
      #expect(row.skipped == 0 || row.skipped < row.checked)
      // A check that compares zeros with zeros would pass whatever the kernels do.
      #expect(row.worstError > 0, "\(row.layer).\(row.tensor)")
    }
  }

  /// Right nets that a check without regard to kinks fails: seeds that put a ReLU's input next to 0.
  @Test("a kink within the step, or within the kernels' rounding, is not a fault")
  func kinks() throws {
    func rows(
      _ seed: UInt64, _ input: ImageShape, _ kinds: [LayerKind], kernels: KernelTable = testKernels
    ) throws -> [GradientCheckRow] {
      let model = ModelSpecification(input: input, layers: TestNetworks.named(kinds))
      return try GradientCheck.run(
        configuration: TestRun(model).with { $0.seed = seed }.configuration, topology: try machine(), kernels: kernels,
        training: try TestData.synthetic(model, 8, classes: 4).train)
    }
    let within: [LayerKind] = [
      TestNetworks.conv(17, 1), .relu, TestNetworks.conv(20, 4, .valid), TestNetworks.conv(8, 3, .same, .winograd),
      .relu,
      .flatten, .dense(units: 4), .softmax,
    ]
    let step = try rows(747_474, ImageShape(height: 9, width: 10, channels: 2), within)
    for row in step { #expect(row.passed && row.skipped == 0, "\(row)") }
    let across: [LayerKind] = [
      TestNetworks.conv(16, 3), .relu, .maxPool2d(ties: .all), TestNetworks.conv(20, 2, .valid), .relu,
      TestNetworks.conv(8, 3, .valid, .winograd), .relu, .flatten, .dense(units: 33), .relu, .dense(units: 4), .softmax,
    ]
    let shape = ImageShape(height: 12, width: 10, channels: 3)
    let rounding = try rows(360_553, shape, across)
    for row in rounding { #expect(row.passed && row.skipped < 20 && row.checked >= row.skipped, "\(row)") }
    #expect(rounding.contains { $0.skipped > 0 })
    // A fault elsewhere is found there too.
    let right = try #require(runnableKernels.last)
    let biased = right.changed(biasGradient: { arguments in
      right.biasGradient(arguments)
      arguments.out[0] *= 1.01
    })
    #expect(try rows(360_553, shape, across, kernels: biased).contains { !$0.passed })
  }

  @Test("a gradient that is not a number does not pass")
  func notANumber() throws {
    let right = try #require(runnableKernels.last)
    let lost = right.changed(biasGradient: { arguments in
      right.biasGradient(arguments)
      arguments.out[1] = .nan
    })
    let data = try TestData.synthetic(smallModel, 3, classes: 3)
    let rows = try GradientCheck.run(
      configuration: TestRun(smallModel).configuration, topology: try machine(), kernels: lost, training: data.train)
    #expect(rows.filter { !$0.passed }.map { "\($0.layer).\($0.tensor)" } == ["dense_1.bias", "dense_2.bias"])
  }

  @Test("every build passes", arguments: runnableKernels.map(\.name))
  func builds(name: String) throws {
    let kernels = try #require(runnableKernels.first { $0.name == name })
    let data = try TestData.synthetic(TestNetworks.averagePools, 3, classes: 4)
    let rows = try GradientCheck.run(
      configuration: TestRun(TestNetworks.averagePools).configuration, topology: try machine(), kernels: kernels,
      training: data.train,
      elementsPerTensor: 16)
    #expect(rows.allSatisfy { $0.passed })
  }

  @Test("kernels that compute something else do not pass")
  func failsForWrongKernels() throws {
    let right = try #require(runnableKernels.last)
    let data = try TestData.synthetic(TestNetworks.averagePools, 3, classes: 4)
    func failures(_ kernels: KernelTable) throws -> [String] {
      try GradientCheck.run(
        configuration: TestRun(TestNetworks.averagePools).configuration, topology: try machine(), kernels: kernels,
        training: data.train,
        elementsPerTensor: 16
      ).filter { !$0.passed }.map { "\($0.layer).\($0.tensor)" }
    }
    #expect(try failures(right) == [])
    let biased = right.changed(biasGradient: { arguments in
      right.biasGradient(arguments)
      arguments.out[0] *= 1.01
    })
    #expect(try failures(biased).allSatisfy { $0.hasSuffix(".bias") })
    #expect(try !failures(biased).isEmpty)
    let misrouted = right.changed(poolBackward: { _, arguments, mask, dout, dx in
      right.poolBackward(.maxFirst, arguments, mask, dout, dx)
    })
    #expect(try failures(misrouted).contains("images.input"))
  }

  @Test("data that does not fit is refused")
  func refusesOtherShapes() throws {
    let data = try TestData.synthetic(TestNetworks.odd, 3, classes: 3)
    let error = userError {
      _ = try GradientCheck.run(
        configuration: TestRun(TestNetworks.digits).configuration, topology: try machine(), kernels: testKernels,
        training: data.train)
    }
    #expect(error?.category == .badData)
  }
}

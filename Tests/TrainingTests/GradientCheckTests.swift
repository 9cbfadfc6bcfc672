import Datasets
import Diagnostics
import KernelInterface
import Network
import TestSupport
import Testing

@testable import Training

/// Finite differences of the naive network in Double against the production kernels in Float, tolerance 1e-3.
@Suite("Gradient check of whole nets")
struct GradientCheckTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var model: ModelSpecification
    var classes: Int
    var elements: Int
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
    Case(name: "perceptron", model: smallModel, classes: 3, elements: 256),
  ]

  @Test("every tensor passes", arguments: cases)
  func passes(_ example: Case) throws {
    let data = try TestData.synthetic(example.model, 6, classes: example.classes)
    let rows = try GradientCheck.run(
      configuration: TestRun(example.model).configuration, training: data.train, elementsPerTensor: example.elements)
    let plan = try NetworkPlan(example.model, capacity: ImageCapacity(shard: 1))
    #expect(rows.map { "\($0.layer).\($0.tensor)" } == plan.parameters.parameters.map(\.name) + ["images.input"])
    for row in rows {
      #expect(row.passed, "\(row.layer).\(row.tensor): \(row.worstError)")
      #expect(row.tolerance == 1e-3)
      #expect(row.checked == min(row.elements, example.elements))
      // A check that compares zeros with zeros would pass whatever the kernels do.
      #expect(row.worstError > 0, "\(row.layer).\(row.tensor)")
    }
  }

  @Test("every build passes", arguments: runnableKernels.map(\.name))
  func builds(name: String) throws {
    let kernels = try #require(runnableKernels.first { $0.name == name })
    let data = try TestData.synthetic(TestNetworks.averagePools, 3, classes: 4)
    let rows = try GradientCheck.run(
      configuration: TestRun(TestNetworks.averagePools).configuration, training: data.train, elementsPerTensor: 16,
      kernels: kernels)
    #expect(rows.allSatisfy { $0.passed })
  }

  @Test("kernels that compute something else do not pass")
  func failsForWrongKernels() throws {
    let right = try #require(runnableKernels.last)
    let data = try TestData.synthetic(TestNetworks.averagePools, 3, classes: 4)
    func failures(_ kernels: KernelTable) throws -> [String] {
      try GradientCheck.run(
        configuration: TestRun(TestNetworks.averagePools).configuration, training: data.train, elementsPerTensor: 16,
        kernels: kernels
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
      _ = try GradientCheck.run(configuration: TestRun(TestNetworks.digits).configuration, training: data.train)
    }
    #expect(error?.category == .badData)
  }
}

extension KernelTable {
  /// The same kernels but for one.
  fileprivate func changed(
    biasGradient: (@Sendable (BiasGradientArguments) -> Void)? = nil,
    poolBackward: (@Sendable (PoolKind, PoolArguments, UnsafePointer<Int32>, FloatIn, FloatOut) -> Void)? = nil
  ) -> KernelTable {
    KernelTable(
      name: "changed", tileSum: tileSum, biasGradient: biasGradient ?? self.biasGradient,
      winogradInput: winogradInput, winogradOutput: winogradOutput, winogradGradient: winogradGradient,
      winogradKernel: winogradKernel, winogradKernelGradient: winogradKernelGradient, poolForward: poolForward,
      poolBackward: poolBackward ?? self.poolBackward, relu: relu, reluGradient: reluGradient,
      scatterTransposed: scatterTransposed, softmax: softmax, add: add, sgd: sgd, peak: peak)
  }
}

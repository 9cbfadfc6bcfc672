import KernelInterface
import Network
import ReferenceKernels
import TestSupport
import Testing

/// Images that are blank but for a rectangle: ReLUs and ties go by the true values there, not by roundings.
@Suite("Blank images")
struct BlankImageTests {
  /// Two Winograd convolutions, the first behind a direct one, each before a ReLU and a max pool.
  private static func model(_ ties: PoolTies, _ size: Int) -> ModelSpecification {
    ModelSpecification(
      input: ImageShape(height: 24, width: 20, channels: 1),
      layers: TestNetworks.named([
        TestNetworks.conv(16, size), .relu, TestNetworks.conv(16, size), .relu, .maxPool2d(ties: ties),
        TestNetworks.conv(32, size), .relu, .maxPool2d(ties: ties), .flatten, .dense(units: 4), .softmax,
      ]))
  }

  @Test(
    "gradients are within 1e-4 of Double", arguments: [PoolTies.all, .first], [3, 5])
  func gradients(ties: PoolTies, size: Int) throws {
    let model = Self.model(ties, size)
    let plan = try NetworkPlan(model, capacity: ImageCapacity(shard: 1))
    let algorithms = plan.workloads.filter { $0.weightBytes > 0 }.map(\.algorithm)
    #expect(algorithms == ["direct", "winograd", "winograd", "gemm"])
    for (background, bias) in [(0.0, Float(0)), (0, 0.01), (0.7, 0), (0.7, -0.02)] {
      var run = try NetworkRun(model, examples: 3, seed: 5)
      let noise = run.images
      for n in 0..<3 {
        for i in 0..<24 {
          for j in 0..<20 where n == 2 || !((5 + n)..<11).contains(i) || !(3..<(9 + n)).contains(j) {
            run.images[n, i, j, 0] = background
          }
        }
      }
      #expect(run.images.values != noise.values)
      for (name, values) in run.parameters where name.hasSuffix("bias") {
        run.parameters[name] = values.indices.map { $0 % 3 == 0 ? 0 : bias * Float($0 % 5) }
      }
      let expected = run.reference()
      for kernels in runnableKernels {
        let actual = try run.run(kernels)
        let comment: Comment = "\(kernels.name), background \(background), bias \(bias)"
        for (parameter, gradient) in expected.gradients {
          let values = try #require(actual.gradients[parameter]).map(Double.init)
          let error = worstRelativeError(values, gradient.map { 3 * $0 })
          #expect(error < 1e-4, "\(comment), \(parameter)")
        }
        #expect(
          worstRelativeError(actual.inputGradient.map(Double.init), expected.inputGradient.values) < 1e-4, comment)
      }
    }
  }
}

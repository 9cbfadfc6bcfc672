import Network
import TestSupport
import Testing

/// Convolutions in the transform domain against the naive twins in Double, over many shapes.
@Suite("Winograd's accuracy")
struct WinogradAccuracyTests {
  /// Sides from less than a tile to several, square and not.
  static let sides = [(1, 1), (2, 7), (4, 4), (5, 9), (8, 8), (13, 6), (16, 17)]

  @Test("within 1e-4 of the largest value", arguments: [3, 5], [Padding.same, .valid])
  func accuracy(kernelSize: Int, padding: Padding) throws {
    let kernels = try #require(runnableKernels.last)
    for (height, width) in Self.sides where padding == .same || min(height, width) >= kernelSize {
      for (channels, filters) in [(3, 16), (16, 16), (33, 20), (64, 48)] {
        // A first convolution of 1×1 brings the channels; the second is the one looked at.
        let model = ModelSpecification(
          input: ImageShape(height: height, width: width, channels: 2),
          layers: TestNetworks.named([
            TestNetworks.conv(channels, 1), .relu, TestNetworks.conv(filters, kernelSize, padding, .winograd), .relu,
            .flatten, .dense(units: 3), .softmax,
          ]))
        let run = try NetworkRun(model, examples: 3, seed: UInt64(height * 100 + channels))
        let actual = try run.run(kernels)
        let expected = run.reference()
        let comment: Comment = "\(height)×\(width), \(channels) → \(filters)"
        let probabilities = try #require(expected.activations.last).values
        #expect(worstRelativeError(actual.probabilities.map(Double.init), probabilities) < 1e-4, comment)
        let inputGradient = actual.inputGradient.map(Double.init)
        #expect(worstRelativeError(inputGradient, expected.inputGradient.values) < 1e-4, comment)
        for (parameter, gradient) in expected.gradients {
          let summed = gradient.map { 3 * $0 }
          let values = try #require(actual.gradients[parameter]).map(Double.init)
          #expect(worstRelativeError(values, summed) < 1e-4, "\(comment), \(parameter)")
        }
      }
    }
  }
}

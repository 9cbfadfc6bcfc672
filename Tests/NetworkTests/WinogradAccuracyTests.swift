import Network
import TestSupport
import Testing

/// Convolutions in the transform domain against the naive twins in Double, over many shapes.
@Suite("Winograd's accuracy")
struct WinogradAccuracyTests {
  /// Sides from less than a tile to several, square and not.
  static let sides = [(1, 1), (2, 7), (4, 4), (5, 9), (8, 8), (13, 6), (16, 17)]

  /// What inputs are: noise around 0, and pixels that nobody scaled, which share a large mean.
  enum Inputs: CaseIterable { case noise, pixels }

  @Test("within 2e-5 of the largest value for 3×3, 1e-4 for 5×5", arguments: [3, 5], [Padding.same, .valid])
  func accuracy(kernelSize: Int, padding: Padding) throws {
    for inputs in Inputs.allCases { try accuracy(kernelSize, padding, inputs) }
  }

  private func accuracy(_ kernelSize: Int, _ padding: Padding, _ inputs: Inputs) throws {
    let kernels = try #require(runnableKernels.last)
    let limit = kernelSize == 3 ? 2e-5 : 1e-4
    for (height, width) in Self.sides where padding == .same || min(height, width) >= kernelSize {
      for (channels, filters) in [(3, 16), (16, 16), (33, 20), (64, 48)] {
        // A first convolution of 1×1 brings the channels; the second is the one looked at.
        let model = ModelSpecification(
          input: ImageShape(height: height, width: width, channels: 2),
          layers: TestNetworks.named([
            TestNetworks.conv(channels, 1), .relu, TestNetworks.conv(filters, kernelSize, padding, .winograd), .relu,
            .flatten, .dense(units: 3), .softmax,
          ]))
        var run = try NetworkRun(model, examples: 3, seed: UInt64(height * 100 + channels))
        if inputs == .pixels {
          run.images.values = run.images.values.map { max(0, min(255, (128 + 50 * $0).rounded())) }
          // So that the logits, and with them the gradients, are of the usual size.
          run.parameters["dense_1.weight"] = run.parameters["dense_1.weight"]?.map { $0 / 256 }
        }
        let actual = try run.run(kernels)
        let expected = run.reference()
        let comment: Comment = "\(height)×\(width), \(channels) → \(filters), \(inputs)"
        let probabilities = try #require(expected.activations.last).values
        #expect(worstRelativeError(actual.probabilities.map(Double.init), probabilities) < limit, comment)
        let inputGradient = actual.inputGradient.map(Double.init)
        #expect(worstRelativeError(inputGradient, expected.inputGradient.values) < limit, comment)
        for (parameter, gradient) in expected.gradients {
          let summed = gradient.map { 3 * $0 }
          let values = try #require(actual.gradients[parameter]).map(Double.init)
          #expect(worstRelativeError(values, summed) < limit, "\(comment), \(parameter)")
        }
      }
    }
  }
}

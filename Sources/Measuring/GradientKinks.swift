import Network
import Randomness
import ReferenceKernels

/// How much the naive network's gradients jump when all weights and pixels move by the kernels' rounding error; computed
/// when first asked for.
///
/// Smooth gradients move about as little as the weights. A gradient that jumps has a kink of a ReLU or maximum nearby.
final class GradientKinks {
  /// Relative; Winograd's products are exact to about 1e-5 of the largest.
  private static let rounding = 3e-5
  private static let draws = 8

  private let compute: () -> [String: [Double]]
  private lazy var jumps = compute()

  /// The gradients of the mean loss; those of the images are called `images.input`.
  init(_ reference: ReferenceNetwork, _ images: Tensor4, labels: [Int], seed: UInt64) {
    compute = {
      let here = Self.gradients(reference, images, labels)
      var jumps = here.mapValues { [Double](repeating: 0, count: $0.count) }
      for draw in 0..<Self.draws {
        let random = RandomStream(seed: seed, purpose: .gradientCheck, stream: 2_000_000 + UInt32(draw))
        let (moved, movedImages) = Self.moved(reference, images, random)
        for (name, values) in Self.gradients(moved, movedImages, labels) {
          let original = here[name] ?? []
          jumps[name] = zip(jumps[name] ?? [], zip(values, original)).map { max($0, abs($1.0 - $1.1)) }
        }
      }
      return jumps
    }
  }

  /// The largest jump of one element.
  func jump(_ name: String, _ index: Int) -> Double { jumps[name]?[index] ?? 0 }

  private static func gradients(
    _ network: ReferenceNetwork, _ images: Tensor4, _ labels: [Int]
  ) -> [String: [Double]] {
    let pass = network.pass(images, labels: labels)
    var gradients = pass.gradients
    gradients["images.input"] = pass.inputGradient.values.map { $0 / Double(labels.count) }
    return gradients
  }

  private static func moved(
    _ network: ReferenceNetwork, _ images: Tensor4, _ random: RandomStream
  ) -> (ReferenceNetwork, Tensor4) {
    var (network, images) = (network, images)
    var next: UInt64 = 0
    func move(_ values: [Double]) -> [Double] {
      values.map { value in
        next += 1
        return value * (1 + rounding * Double(random.normal(next)))
      }
    }
    for (name, values) in network.parameters.sorted(by: { $0.key < $1.key }) { network.parameters[name] = move(values) }
    images.values = move(images.values)
    return (network, images)
  }
}

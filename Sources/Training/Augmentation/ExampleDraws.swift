import Randomness

/// The random numbers of one example in one epoch, each a pure function of (seed, epoch, example, what it is for).
struct ExampleDraws {
  /// What numbers are drawn for. The raw values are part of every run's numerics: add cases, never renumber them.
  ///
  /// Where several tries may be needed, they have the numbers from the case's on.
  enum Draw: UInt64 {
    case flip = 0
    case top = 1
    case left = 2
    case brightness = 3
    case contrast = 4
    case saturation = 5
    case erases = 6
    case mixes = 7
    case partner = 8
    /// Ten tries of two.
    case area = 16
    /// Ten tries of two.
    case erasedArea = 48
    case erasedTop = 80
    case erasedLeft = 81
    case mixedTop = 82
    case mixedLeft = 83
    /// Sixty-four tries of two.
    case beta = 128
  }

  private static let drawsPerExample: UInt64 = 256
  private let stream: RandomStream
  private let first: UInt64

  init(seed: UInt64, epoch: Int, example: Int) {
    stream = RandomStream(seed: seed, purpose: .augmentation, stream: UInt32(truncatingIfNeeded: epoch))
    first = UInt64(example) * Self.drawsPerExample
  }

  /// Uniform in [0, 1).
  func uniform(_ draw: Draw, _ number: Int = 0) -> Double { stream.uniform(first + draw.rawValue + UInt64(number)) }

  /// Uniform in `low`…`high`.
  func uniform(_ draw: Draw, _ number: Int = 0, from low: Double, to high: Double) -> Double {
    low + (high - low) * uniform(draw, number)
  }

  /// An integer in `0..<bound`.
  func below(_ bound: Int, _ draw: Draw) -> Int {
    Int(truncatingIfNeeded: stream.below(UInt64(bound), index: first + draw.rawValue))
  }

  /// From the beta distribution with both parameters `alpha`, above 0 and at most 2, by Jöhnk's method; 1/2 if no try of 64
  /// succeeds, which happens to one in 100,000 at most.
  func beta(_ alpha: Double) -> Double {
    for number in 0..<64 {
      // Uniform in (0, 1], as 0 has no logarithm.
      let x = logarithm(1 - uniform(.beta, 2 * number)) / alpha
      let y = logarithm(1 - uniform(.beta, 2 * number + 1)) / alpha
      guard max(x, y) > -700, exponential(max(x, -700)) + exponential(max(y, -700)) <= 1 else { continue }
      return 1 / (1 + exponential(min(max(y - x, -700), 700)))
    }
    return 0.5
  }

  /// A rectangle with a share of the area of height × width and a quotient of its sides that are drawn until it fits; the
  /// share is uniform, the logarithm of the quotient too. `nil` if none of ten fits.
  func rectangle(
    _ draw: Draw, height: Int, width: Int, scale: ClosedRange<Double>, ratio: ClosedRange<Double>
  ) -> (height: Int, width: Int)? {
    let logarithms = (logarithm(ratio.lowerBound), logarithm(ratio.upperBound))
    for number in 0..<10 {
      let area =
        Double(height * width) * uniform(draw, 2 * number, from: scale.lowerBound, to: scale.upperBound)
      let quotient = exponential(uniform(draw, 2 * number + 1, from: logarithms.0, to: logarithms.1))
      let (h, w) = (Int((area / quotient).squareRoot().rounded()), Int((area * quotient).squareRoot().rounded()))
      if h >= 1, h <= height, w >= 1, w <= width { return (h, w) }
    }
    return nil
  }
}

/// What random numbers are drawn for; a part of the counter, so that no two uses ever share a number.
///
/// The raw values are part of every run's numerics: add cases, never renumber them.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
  case initialWeights = 0
  case shuffle = 1
  case syntheticData = 2
  case augmentation = 3
  case gradientCheck = 4
}

/// An endless random-access sequence: element `index` of the stream named by (seed, purpose, stream).
///
/// Each element is one Philox block with counter (index low, index high, stream, purpose) and the seed as key. The
/// methods are views of the same element, so drawing two kinds of number takes two indices.
package struct RandomStream: Sendable {
  private let key: SIMD2<UInt32>
  private let purpose: UInt32
  private let stream: UInt32

  /// The stream number separates uses within a purpose: a layer, an epoch, a split.
  package init(seed: UInt64, purpose: RandomPurpose, stream: UInt32) {
    self.key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.purpose = purpose.rawValue
    self.stream = stream
  }

  /// The 128 random bits of element `index`.
  package func bits(_ index: UInt64) -> SIMD4<UInt32> {
    let counter: SIMD4<UInt32> = SIMD4(
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index &>> 32), stream, purpose)
    return Philox4x32.block(counter: counter, key: key)
  }

  /// A multiple of 2⁻⁵³ in [0, 1), each equally likely.
  package func uniform(_ index: UInt64) -> Double {
    Double(firstWord(bits(index)) &>> 11) * 0x1p-53
  }

  /// An integer in `0..<bound`: all 128 bits times `bound`, shifted down by 128.
  ///
  /// No two results differ in probability by more than 2⁻¹²⁸, so it needs no rejection and exactly one element.
  /// Requires `bound > 0`.
  package func below(_ bound: UInt64, index: UInt64) -> UInt64 {
    precondition(bound > 0, "A random integer below 0 does not exist.")
    let block: SIMD4<UInt32> = bits(index)
    let high: (high: UInt64, low: UInt64) = firstWord(block).multipliedFullWidth(by: bound)
    let low: (high: UInt64, low: UInt64) = secondWord(block).multipliedFullWidth(by: bound)
    let (_, carry): (UInt64, Bool) = high.low.addingReportingOverflow(low.high)
    return carry ? high.high &+ 1 : high.high
  }

  /// A draw from the standard normal distribution, the same bits on every machine.
  ///
  /// The inverse distribution function of an odd multiple of 2⁻⁵³, so |result| < 8.3.
  package func normal(_ index: UInt64) -> Float {
    Float(inverseNormal((Double(firstWord(bits(index)) &>> 12) + 0.5) * 0x1p-52))
  }

  private func firstWord(_ block: SIMD4<UInt32>) -> UInt64 {
    UInt64(truncatingIfNeeded: block.y) &<< 32 | UInt64(truncatingIfNeeded: block.x)
  }

  private func secondWord(_ block: SIMD4<UInt32>) -> UInt64 {
    UInt64(truncatingIfNeeded: block.w) &<< 32 | UInt64(truncatingIfNeeded: block.z)
  }
}

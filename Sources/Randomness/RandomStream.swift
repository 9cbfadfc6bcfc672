/// What random numbers are drawn for; a part of the counter, so that no two uses ever share a number.
///
/// The raw values are part of every run's numerics: add cases, never renumber them.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
  case initialWeights = 0
  case shuffle = 1
  case syntheticData = 2
  case augmentation = 3
  case gradientCheck = 4
  case dropout = 5
  case validationSplit = 16
  /// Which shard is checked; decides no number of a run.
  case audit = 32
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
    precondition(bound > 0, "There is no random integer below \(bound).")
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

  /// `normal` of consecutive indices from `first` on, into `values`; four at a time, the same bits.
  package func normals(from first: UInt64, into values: UnsafeMutableBufferPointer<Float>) {
    var i = 0
    while i + 4 <= values.count {
      let words = fourBlocks(first &+ UInt64(i))
      let bits: SIMD4<UInt64> = (words.y &<< 20) | (words.x &>> 12)
      // An integer below 2⁵² as the fraction of a number in [2⁵², 2⁵³) is exact.
      let integer: SIMD4<Double> =
        unsafeBitCast(bits | SIMD4(repeating: 0x4330_0000_0000_0000), to: SIMD4<Double>.self) - 0x1p52
      let results = SIMD4<Float>(inverseNormal((integer + 0.5) * 0x1p-52))
      for lane in 0..<4 { values[i + lane] = results[lane] }
      i += 4
    }
    while i < values.count {
      values[i] = normal(first &+ UInt64(i))
      i += 1
    }
  }

  /// The bits of elements `first`, `first + 1`, … in order, sixteen bytes each, little-endian; the last cut off.
  package func fill(_ bytes: UnsafeMutableRawBufferPointer, from first: UInt64) {
    var index = first
    var offset = 0
    while offset + 64 <= bytes.count {
      let words = fourBlocks(index)
      for lane in 0..<4 {
        let bits: SIMD2<UInt64> = SIMD2(
          words.x[lane] | words.y[lane] &<< 32, words.z[lane] | words.w[lane] &<< 32)
        bytes.storeBytes(
          of: SIMD2(bits.x.littleEndian, bits.y.littleEndian), toByteOffset: offset, as: SIMD2<UInt64>.self)
        offset += 16
      }
      index &+= 4
    }
    while offset < bytes.count {
      let block: SIMD4<UInt32> = bits(index)
      let ordered: SIMD4<UInt32> = SIMD4(
        block.x.littleEndian, block.y.littleEndian, block.z.littleEndian, block.w.littleEndian)
      withUnsafeBytes(of: ordered) { source in
        let count = min(16, bytes.count - offset)
        UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
      }
      index &+= 1
      offset += 16
    }
  }

  /// The words of elements `index` to `index + 3`, one element per lane.
  private func fourBlocks(
    _ index: UInt64
  ) -> (x: SIMD4<UInt64>, y: SIMD4<UInt64>, z: SIMD4<UInt64>, w: SIMD4<UInt64>) {
    let indices: SIMD4<UInt64> = SIMD4(index, index &+ 1, index &+ 2, index &+ 3)
    return Philox4x32.fourBlocks(
      counter: (
        indices & SIMD4(repeating: 0xFFFF_FFFF), indices &>> 32, SIMD4(repeating: UInt64(stream)),
        SIMD4(repeating: UInt64(purpose))
      ), key: key)
  }

  private func firstWord(_ block: SIMD4<UInt32>) -> UInt64 {
    UInt64(truncatingIfNeeded: block.y) &<< 32 | UInt64(truncatingIfNeeded: block.x)
  }

  private func secondWord(_ block: SIMD4<UInt32>) -> UInt64 {
    UInt64(truncatingIfNeeded: block.w) &<< 32 | UInt64(truncatingIfNeeded: block.z)
  }
}

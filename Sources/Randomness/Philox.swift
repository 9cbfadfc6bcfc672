/// Philox4x32-10: 128 random bits as a pure function of a 128-bit counter and a 64-bit key.
///
/// Having no state is the point: any worker may ask for any element of any stream, in any order, and gets the same
/// bits. Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011; the tests check
/// the known-answer vectors published with Random123.
package struct Philox4x32 {
  /// The block of ten rounds for `counter` and `key`; words in the order of the published vectors.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c0 = counter.x
    var c1 = counter.y
    var c2 = counter.z
    var c3 = counter.w
    var k0 = key.x
    var k1 = key.y
    for _ in 0..<10 {
      let first: UInt64 = 0xD251_1F53 &* UInt64(truncatingIfNeeded: c0)
      let second: UInt64 = 0xCD9E_8D57 &* UInt64(truncatingIfNeeded: c2)
      c0 = UInt32(truncatingIfNeeded: second &>> 32) ^ c1 ^ k0
      c1 = UInt32(truncatingIfNeeded: second)
      c2 = UInt32(truncatingIfNeeded: first &>> 32) ^ c3 ^ k1
      c3 = UInt32(truncatingIfNeeded: first)
      // Weyl sequence on the key: the golden ratio and √3 − 1.
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// Four blocks at once, each as `block`: lane i of the words of counters, and of results, belongs to block i.
  static func fourBlocks(
    counter: (SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>), key: SIMD2<UInt32>
  ) -> (x: SIMD4<UInt64>, y: SIMD4<UInt64>, z: SIMD4<UInt64>, w: SIMD4<UInt64>) {
    // Words of 32 bits in lanes of 64, where their products have room.
    let word: SIMD4<UInt64> = SIMD4(repeating: 0xFFFF_FFFF)
    var (c0, c1, c2, c3): (SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>, SIMD4<UInt64>) = counter
    var k0 = key.x
    var k1 = key.y
    for _ in 0..<10 {
      let first: SIMD4<UInt64> = SIMD4(repeating: 0xD251_1F53) &* (c0 & word)
      let second: SIMD4<UInt64> = SIMD4(repeating: 0xCD9E_8D57) &* (c2 & word)
      c0 = (second &>> 32) ^ c1 ^ SIMD4(repeating: UInt64(k0))
      c1 = second & word
      c2 = (first &>> 32) ^ c3 ^ SIMD4(repeating: UInt64(k1))
      c3 = first & word
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}

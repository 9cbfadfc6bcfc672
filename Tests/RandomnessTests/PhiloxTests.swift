import Testing

@testable import Randomness

@Suite struct PhiloxTests {
  /// Random123's `kat_vectors`, philox4x32, 10 rounds.
  @Test("blocks match the published vectors")
  func publishedVectors() {
    let zeros = Philox4x32.block(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
    #expect(zeros == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox4x32.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
    #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox4x32.block(
      counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0))
    #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  /// The raw values are numerics: a renumbered case would change every run.
  @Test("purposes keep their numbers")
  func purposesKeepTheirNumbers() {
    #expect(RandomPurpose.initialWeights.rawValue == 0)
    #expect(RandomPurpose.shuffle.rawValue == 1)
    #expect(RandomPurpose.syntheticData.rawValue == 2)
    #expect(RandomPurpose.augmentation.rawValue == 3)
    #expect(RandomPurpose.gradientCheck.rawValue == 4)
    #expect(RandomPurpose.dropout.rawValue == 5)
  }

  /// Every part of the name, in its low and its high bits, picks a different block.
  @Test("streams are distinct")
  func streamsAreDistinct() {
    var seen: Set<SIMD4<UInt32>> = []
    var drawn = 0
    for seed: UInt64 in [0, 1, 1 << 32, .max] {
      for purpose in RandomPurpose.allCases {
        for stream: UInt32 in [0, 1, .max] {
          for index: UInt64 in [0, 1, 2, 1 << 32, .max] {
            seen.insert(RandomStream(seed: seed, purpose: purpose, stream: stream).bits(index))
            drawn += 1
          }
        }
      }
    }
    #expect(seen.count == drawn)
  }

  /// The layout of the counter is numerics too.
  @Test("the counter has its documented layout")
  func counterLayout() {
    let stream = RandomStream(seed: 0x299f_31d0_a409_3822, purpose: .augmentation, stream: 0x1319_8a2e)
    let expected = Philox4x32.block(
      counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 3), key: SIMD2(0xa409_3822, 0x299f_31d0))
    #expect(stream.bits(0x85a3_08d3_243f_6a88) == expected)
  }

  /// Four at a time are the same blocks, also across the carry into the counter's second word.
  @Test("bytes are the blocks in order", arguments: [0, 5, 0xFFFF_FFFE, .max - 1] as [UInt64])
  func bytesAreTheBlocksInOrder(first: UInt64) {
    let stream = RandomStream(seed: 0x0123_4567_89ab_cdef, purpose: .syntheticData, stream: 7)
    for count in [0, 1, 15, 16, 63, 64, 65, 200] {
      var bytes = [UInt8](repeating: 0, count: count)
      bytes.withUnsafeMutableBytes { stream.fill($0, from: first) }
      var expected: [UInt8] = []
      for block in 0..<UInt64((count + 15) / 16) {
        let words = stream.bits(first &+ block)
        for i in 0..<4 { for shift: UInt32 in [0, 8, 16, 24] { expected.append(UInt8(words[i] >> shift & 255)) } }
      }
      #expect(bytes == Array(expected.prefix(count)))
    }
  }

  /// Four at a time are the same bits, in the middle of the distribution and in its tails.
  @Test("many normals have the bits of single ones")
  func normalsAreTheSameBits() {
    let stream = RandomStream(seed: 42, purpose: .initialWeights, stream: 3)
    for (first, count) in [(0, 10_001), (UInt64(UInt32.max) - 1, 7), (9, 1)] as [(UInt64, Int)] {
      var values = [Float](repeating: 0, count: count)
      values.withUnsafeMutableBufferPointer { stream.normals(from: first, into: $0) }
      let expected = (0..<count).map { stream.normal(first + UInt64($0)) }
      #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }
}

import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

@Suite("Digests of columns")
struct ColumnHashTests {
  /// Words without a pattern.
  private func words(_ count: Int) -> [UInt32] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(truncatingIfNeeded: state >> 32)
    }
  }

  private func digests(_ words: [UInt32], _ rows: Int, _ hash: (ColumnHash) -> Void) -> [UInt32] {
    var digests = [UInt32](repeating: 0, count: 16 * 8 + 1)
    let header = SIMD16<UInt32>((0..<16).map { 0x0101_0101 * $0 })
    words.withUnsafeBufferPointer { words in
      digests.withUnsafeMutableBufferPointer { digests in
        guard let words = words.baseAddress, let digests = digests.baseAddress else { return }
        hash(ColumnHash(words: words, rows: rows, header: header, digests: digests))
      }
    }
    return digests
  }

  @Test("every build gives the digests of its twin", arguments: [0, 16, 32, 48, 1024])
  func everyBuild(rows: Int) {
    let words = words(rows * 16 + 1)
    let expected = digests(words, rows, NaiveKernels.hashColumns)
    for kernels in runnableKernels {
      #expect(digests(words, rows, kernels.hashColumns) == expected, "\(kernels.name), \(rows) rows")
    }
    #expect(expected.last == 0, "nothing is written after the digests")
  }

  /// 64 bytes of `a`, from another implementation.
  @Test("the twin gives a known digest")
  func twin() {
    #expect(
      NaiveKernels.sha256([UInt32](repeating: 0x6161_6161, count: 16)).map { String($0, radix: 16) }
        == ["ffe054fe", "7ae0cb6d", "c65c3af9", "b61d5209", "f439851d", "b43d0ba5", "997337df", "154668eb"])
  }

  @Test("columns of whole blocks alone") func mistakes() {
    var words: [UInt32] = [0]
    words.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      func mistake(_ rows: Int) -> String? {
        ColumnHash(words: start, rows: rows, header: SIMD16(repeating: 0), digests: start).mistake
      }
      #expect(mistake(0) == nil && mistake(32) == nil)
      #expect(mistake(-16) != nil && mistake(17) != nil)
    }
  }
}

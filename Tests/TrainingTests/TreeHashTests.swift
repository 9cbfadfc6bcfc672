import Storage
import TestSupport
import Testing

@testable import Training

/// The digest that ledgers have of the weights, against the same tree over bytes.
@Suite struct TreeHashTests {
  private func words(_ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761 &+ 7) }
  }

  private func root(_ words: [UInt32], parts: Int = 1) -> SHA256Digest {
    let tree = TreeHash(wordCount: words.count)
    words.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for part in (0..<parts).reversed() {
        tree.hash(start, blocks: tree.blockCount * part / parts..<tree.blockCount * (part + 1) / parts, testKernels)
      }
    }
    return tree.root(testKernels)
  }

  /// As docs/determinism.md says it, message by message.
  private func twin(_ words: [UInt32]) -> SHA256Digest {
    func header(_ level: UInt32, _ block: Int, _ count: Int, _ column: Int) -> [UInt8] {
      var header = Array("Lockstep tree hash, version 1   ".utf8)
      for word in [level, 0, UInt32(block), 0, UInt32(4 * words.count), UInt32(count), 0, UInt32(column)] {
        header += bytes(word)
      }
      return header
    }
    func bytes(_ word: UInt32) -> [UInt8] { withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    func digest(_ message: [UInt8]) -> [UInt32] {
      var hash = SHA256()
      hash.update(message)
      return (0..<8).map { hash.value.words[$0] }
    }
    var (level, level0) = (UInt32(0), words)
    while true {
      var digests: [UInt32] = []
      for (block, start) in stride(from: 0, to: level0.count, by: 16_384).enumerated() {
        let count = min(16_384, level0.count - start)
        let padded = Array(level0[start..<start + count]) + [UInt32](repeating: 0, count: (256 - count % 256) % 256)
        for column in 0..<16 {
          digests += digest(
            header(level, block, count, column)
              + stride(from: column, to: padded.count, by: 16).flatMap { bytes(padded[$0]) })
        }
      }
      level += 1
      guard digests.count > 128 else {
        return SHA256Digest(words: SIMD8(digest(header(.max, Int(level), 128, 0) + digests.flatMap(bytes))))
      }
      level0 = digests
    }
  }

  /// Up to three levels.
  @Test(
    "the root is that of the documented tree", arguments: [1, 255, 256, 257, 16_384, 16_385, 50_000, 128 * 16_384 + 1])
  func documentedTree(count: Int) {
    let words = words(count)
    #expect(root(words) == twin(words))
  }

  @Test("who hashes which block changes nothing", arguments: [2, 3, 7])
  func parts(count: Int) {
    let words = words(5 * 16_384 + 12)
    #expect(root(words, parts: count) == root(words))
  }

  @Test("words of padding count as 0, whatever they hold")
  func padding() {
    let zeros = [3..<4, 100..<200, 16_380..<16_390, 40_000..<40_001, 49_999..<50_000]
    var (words, clean) = (words(50_000), words(50_000))
    for range in zeros {
      for index in range { (words[index], clean[index]) = (UInt32(index) ^ 0xFFFF_FFFF, 0) }
    }
    let tree = TreeHash(wordCount: words.count, zeros: zeros, callers: 3)
    words.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for block in 0..<tree.blockCount { tree.hash(start, blocks: block..<block + 1, caller: block % 3, testKernels) }
    }
    #expect(tree.root(testKernels) == root(clean))
  }

  @Test("bytes are words, and their number counts")
  func bytes() {
    let bytes = (0..<70_003).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    func digest(_ bytes: [UInt8]) -> SHA256Digest { bytes.withUnsafeBytes { TreeHash.digest(of: $0, testKernels) } }
    let words = (0..<17_000).map { word in (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 * word + $1]) << (8 * $1) } }
    #expect(digest(Array(bytes[..<68_000])) == root(words))
    #expect(digest(bytes) != digest(bytes + [0]), "zeros at the end are not the padding")
    var changed = bytes
    changed[70_002] ^= 1
    #expect(digest(changed) != digest(bytes))
  }
}

import KernelInterface
import Storage

/// A digest of many words that several workers compute together: a tree of SHA-256 digests whose shape depends on the number
/// of words alone.
///
///     words      │ block 0: 16 columns of 1024 │ block 1 │ … │ last block, filled up with zeros │
///     level 0    │ 16 digests                  │ 16      │ … │ 16                               │   these are words again …
///     level 1    │ 16 digests                  │ …                                                … until a block is left
///     root       SHA-256(header ‖ its 16 digests)
///
/// Each message begins with a header that no other message of any tree of that size has: see `header`. A digest that two
/// contents share is therefore two messages with the same SHA-256.
///
/// `@unchecked Sendable`: a block's digests are written by the worker that hashes it; `root` is called by one worker after a
/// barrier, and no block is hashed until it is done.
final class TreeHash: @unchecked Sendable {
  /// Words of a block, 64 KiB.
  static let blockWords = 16_384
  private static let digestWords = ColumnHash.columns * 8
  private static let rootLevel = UInt32.max

  /// Words that are hashed, and the blocks they fill.
  let wordCount: Int
  let blockCount: Int
  private let byteCount: UInt64
  /// The digests of all levels, level by level.
  private let digests: UnsafeMutablePointer<UInt32>
  /// For each caller, room for a block that has to be filled up, or has words that count as 0.
  private let copies: UnsafeMutablePointer<UInt32>
  /// Ranges of words that count as 0, ascending: start and end of each.
  private let gaps: UnsafeMutableBufferPointer<Int>
  /// Per block, the first gap that reaches into it or lies after it.
  private let firstGaps: UnsafeMutablePointer<Int>
  private let levelStarts: [Int]

  /// - Parameters:
  ///   - byteCount: the length of what is hashed, if it does not fill its last word.
  ///   - zeros: words that count as 0, whatever they hold; ascending.
  ///   - callers: how many call `hash` at once.
  init(wordCount: Int, byteCount: Int? = nil, zeros: [Range<Int>] = [], callers: Int = 1) {
    self.wordCount = wordCount
    self.byteCount = UInt64(byteCount ?? 4 * wordCount)
    blockCount = Self.blocks(wordCount)
    var (starts, floats) = ([0], 0)
    var blocks = blockCount
    while true {
      floats += blocks * Self.digestWords
      starts.append(floats)
      guard blocks > 1 else { break }
      blocks = Self.blocks(blocks * Self.digestWords)
    }
    levelStarts = starts
    digests = .allocate(capacity: floats)
    digests.initialize(repeating: 0, count: floats)
    copies = .allocate(capacity: callers * Self.blockWords)
    copies.initialize(repeating: 0, count: callers * Self.blockWords)
    gaps = .allocate(capacity: 2 * zeros.count)
    _ = gaps.initialize(fromContentsOf: zeros.flatMap { [$0.lowerBound, $0.upperBound] })
    firstGaps = .allocate(capacity: blockCount)
    var gap = 0
    for block in 0..<blockCount {
      while gap < zeros.count, zeros[gap].upperBound <= block * Self.blockWords { gap += 1 }
      (firstGaps + block).initialize(to: gap)
    }
  }

  deinit {
    digests.deallocate()
    copies.deallocate()
    gaps.deallocate()
    firstGaps.deallocate()
  }

  private static func blocks(_ words: Int) -> Int { max(1, (words + blockWords - 1) / blockWords) }

  /// Hashes some blocks of the words; together the workers hash all of `0..<blockCount`.
  ///
  /// - Parameter caller: its number among those who call at once.
  func hash(_ words: UnsafePointer<UInt32>, blocks: Range<Int>, caller: Int = 0, _ kernels: KernelTable) {
    hash(words, wordCount, level: 0, blocks, copies + caller * Self.blockWords, kernels)
  }

  /// The digest, once all blocks are hashed. Allocates nothing.
  func root(_ kernels: KernelTable) -> SHA256Digest {
    var level = 1
    while level < levelStarts.count - 1 {
      let count = levelStarts[level] - levelStarts[level - 1]
      hash(digests + levelStarts[level - 1], count, level: level, 0..<Self.blocks(count), copies, kernels)
      level += 1
    }
    var sum = SHA256()
    func add(_ word: UInt32) { withUnsafeBytes(of: word.bigEndian) { sum.update($0) } }
    let header = header(level: Self.rootLevel, block: level, words: Self.digestWords)
    for index in 0..<16 { add(header[index]) }
    let last = digests + levelStarts[level - 1]
    for index in 0..<Self.digestWords { add(last[index]) }
    return sum.value
  }

  /// The digest of the words of `bytes`, the least significant byte of each first.
  static func digest(of bytes: UnsafeRawBufferPointer, _ kernels: KernelTable) -> SHA256Digest {
    let tree = TreeHash(wordCount: (bytes.count + 3) / 4, byteCount: bytes.count)
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: blockWords) { block in
      guard let words = block.baseAddress else { return }
      for index in 0..<tree.blockCount {
        let start = index * blockWords * 4
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + blockWords * 4, bytes.count)])
        words.update(repeating: 0, count: blockWords)
        UnsafeMutableRawBufferPointer(block).copyMemory(from: part)
        for word in 0..<blockWords { words[word] = UInt32(littleEndian: words[word]) }
        tree.hash(words - index * blockWords, blocks: index..<index + 1, kernels)
      }
    }
    return tree.root(kernels)
  }

  private func hash(
    _ words: UnsafePointer<UInt32>, _ count: Int, level: Int, _ blocks: Range<Int>,
    _ copy: UnsafeMutablePointer<UInt32>,
    _ kernels: KernelTable
  ) {
    for block in blocks {
      let start = block * Self.blockWords
      let blockWords = max(0, min(Self.blockWords, count - start))
      // Whole blocks of 64 bytes in each column: 256 words.
      let padded = (blockWords + 255) / 256 * 256
      var source = words + start
      let hasGaps = level == 0 && firstGap(of: block) < start + blockWords
      if padded > blockWords || hasGaps {
        copy.update(from: source, count: blockWords)
        (copy + blockWords).update(repeating: 0, count: padded - blockWords)
        if hasGaps { clearGaps(of: block, copy, blockWords) }
        source = UnsafePointer(copy)
      }
      kernels.hashColumns(
        ColumnHash(
          words: source, rows: padded / ColumnHash.columns,
          header: header(level: UInt32(level), block: block, words: blockWords),
          digests: digests + levelStarts[level] + block * Self.digestWords))
    }
  }

  /// Where the first gap starts that reaches into a block or lies after it.
  private func firstGap(of block: Int) -> Int {
    let gap = 2 * firstGaps[block]
    return gap < gaps.count ? gaps[gap] : .max
  }

  private func clearGaps(of block: Int, _ copy: UnsafeMutablePointer<UInt32>, _ blockWords: Int) {
    let start = block * Self.blockWords
    var gap = 2 * firstGaps[block]
    while gap < gaps.count, gaps[gap] < start + blockWords {
      let (first, end) = (max(gaps[gap] - start, 0), min(gaps[gap + 1] - start, blockWords))
      (copy + first).update(repeating: 0, count: end - first)
      gap += 2
    }
  }

  /// `Lockstep tree hash, version 1` and three spaces, the level, the block in two words, the bytes of the whole in two words,
  /// the words of the block, 0, and the column, which `ColumnHash` fills in.
  ///
  /// The root has the level 2³² − 1, and the number of levels in place of the block.
  private func header(level: UInt32, block: Int, words: Int) -> SIMD16<UInt32> {
    let block = UInt64(block)
    return SIMD16(
      0x4C6F_636B, 0x7374_6570, 0x2074_7265, 0x6520_6861, 0x7368_2C20, 0x7665_7273, 0x696F_6E20, 0x3120_2020, level,
      UInt32(truncatingIfNeeded: block >> 32), UInt32(truncatingIfNeeded: block),
      UInt32(truncatingIfNeeded: byteCount >> 32), UInt32(truncatingIfNeeded: byteCount), UInt32(words), 0, 0)
  }
}

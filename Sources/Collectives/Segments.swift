import Machine

/// How workers share a flat buffer: a contiguous segment each, cut at multiples of 32 floats.
package enum Segments {
  /// The part of `count` floats, a multiple of 32, that one of `workers` owns.
  package static func segment(_ worker: Int, of workers: Int, count: Int) -> Range<Int> {
    assert(
      worker >= 0 && worker < workers && count >= 0 && count % 32 == 0,
      "Worker \(worker) of \(workers) has no segment of \(count) floats.")
    let blocks = count / 32
    return blocks * worker / workers * 32..<blocks * (worker + 1) / workers * 32
  }

  /// The part of `count` floats, a multiple of 32, that one of `ranks` owns: cut at multiples of 1024, and empty for the
  /// first ranks where there are fewer.
  package static func segment(ofRank rank: Int, of ranks: Int, count: Int) -> Range<Int> {
    assert(rank >= 0 && rank < ranks && count >= 0 && count % 32 == 0, "Rank \(rank) of \(ranks) has no segment.")
    let blocks = (count + rankBlock - 1) / rankBlock
    return min(blocks * rank / ranks * rankBlock, count)..<min(blocks * (rank + 1) / ranks * rankBlock, count)
  }

  /// Floats of a page, which no two ranks share.
  private static let rankBlock = 1024

  /// Every worker's segment of `count` floats: as `segment`, but cut between groups at multiples of a page, so that no page
  /// belongs to two nodes.
  package static func all(count: Int, groups: [Range<Int>]) -> [Range<Int>] {
    let workers = groups.last?.upperBound ?? 0
    let pageFloats = NodeBuffer.pageBytes / MemoryLayout<Float>.stride
    var starts = (0..<workers).map { segment($0, of: workers, count: count).lowerBound } + [count]
    for group in groups { starts[group.lowerBound] -= starts[group.lowerBound] % pageFloats }
    for worker in (0..<workers).reversed() { starts[worker] = min(starts[worker], starts[worker + 1]) }
    assert(starts.first == 0 || workers == 0, "The first segment starts at \(starts[0]).")
    return (0..<workers).map { starts[$0]..<starts[$0 + 1] }
  }
}

/// The fixed binary tree in which shard gradients are summed. It depends on the number of shards alone.
///
/// A run of n shards is split at the largest power of two below n; the sum is left plus right. Its inner nodes are
/// therefore aligned runs, and a contiguous run of shards is a union of O(log n) of them.
package enum ShardTree {
  /// Shards in the left part of a run of `count` ≥ 2: the largest power of two below `count`.
  package static func split(_ count: Int) -> Int {
    precondition(count >= 2, "A single shard is not split.")
    return 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }

  /// The largest nodes of the tree over `count` shards that lie inside `run`, in ascending order.
  package static func nodes(in run: Range<Int>, of count: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    func visit(_ node: Range<Int>) {
      let common = node.clamped(to: run)
      guard !common.isEmpty else { return }
      if common == node { return result.append(node) }
      let middle = node.lowerBound + split(node.count)
      visit(node.lowerBound..<middle)
      visit(middle..<node.upperBound)
    }
    visit(0..<count)
    return result
  }
}

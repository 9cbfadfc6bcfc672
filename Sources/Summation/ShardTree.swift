/// The fixed binary tree in which shard gradients are summed. It depends on the number of shards alone.
///
/// A run of n shards is split at the largest power of two below n; the sum is left plus right. Its inner nodes are
/// therefore aligned runs, and a contiguous run of shards is a union of O(log n) of them.
package enum ShardTree {
  /// Shards in the left part of a run of `count` ≥ 2: the largest power of two below `count`.
  @inlinable
  package static func split(_ count: Int) -> Int {
    precondition(count >= 2, "A single shard is not split.")
    return 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }

  /// The two children of the node over `run`, which has at least two shards.
  @inlinable
  package static func children(of run: Range<Int>) -> (left: Range<Int>, right: Range<Int>) {
    let middle = run.lowerBound + split(run.count)
    return (run.lowerBound..<middle, middle..<run.upperBound)
  }

  /// The value of the node over `run`: what `leaf` returns for it or, if that is `nil`, its children's values combined.
  ///
  /// Visits a left child with all below it before the right one. Allocates nothing itself.
  /// - Precondition: `leaf` has a value for every single shard that it is asked about.
  @inlinable
  package static func fold<Value>(
    _ run: Range<Int>, leaf: (Range<Int>) throws -> Value?,
    combine: (_ run: Range<Int>, _ left: Value, _ right: Value) throws -> Value
  ) rethrows -> Value {
    if let value = try leaf(run) { return value }
    let (left, right) = children(of: run)
    let first = try fold(left, leaf: leaf, combine: combine)
    let second = try fold(right, leaf: leaf, combine: combine)
    return try combine(run, first, second)
  }

  /// The sum of one number per shard, in the tree's order; 0 for no shard.
  @inlinable
  package static func sum(_ count: Int, _ value: (_ shard: Int) -> Double) -> Double {
    guard count > 0 else { return 0 }
    return fold(0..<count) {
      $0.count == 1 ? value($0.lowerBound) : nil
    } combine: {
      $1 + $2
    }
  }

  /// The largest nodes of the tree over `count` shards that lie inside `run`, in ascending order.
  package static func nodes(in run: Range<Int>, of count: Int) -> [Range<Int>] {
    fold(0..<count) { node in
      let common = node.clamped(to: run)
      return common.isEmpty ? [] : common == node ? [node] : nil
    } combine: {
      $1 + $2
    }
  }

  /// Levels of a tree of `count` shards above nodes of `leafCount`: the buffers that `sum(_:into:…)` takes from `scratch`.
  package static func levels(of count: Int, leafCount: Int = 1) -> Int {
    var levels = 0
    while leafCount << levels < count { levels += 1 }
    return levels
  }
}

extension ShardTree {
  /// Where the sum of a node of the tree goes.
  package struct Target<Buffer> {
    package var buffer: Buffer
    /// Whether the sum is added to what `buffer` holds, as that of a right child is, or replaces it.
    package var adds: Bool
    /// The first level of scratch that is free for the node.
    package var level: Int

    @inlinable
    package init(_ buffer: Buffer, adds: Bool = false, level: Int = 0) {
      self.buffer = buffer
      self.adds = adds
      self.level = level
    }
  }

  /// `target` = the sum over `run` of buffers, or `target` + it, as left plus right in every node.
  ///
  /// A left child is summed where its parent's sum goes, and a right one is added onto it: a leaf however `leaf` adds, a
  /// larger node through a scratch buffer of its level.
  /// - Parameters:
  ///   - scratch: the buffer of a level, from 0; `levels` says how many there are; leaves may use the last.
  ///   - leaf: writes or adds the sum of a node and returns true, or returns false where it is to be split.
  ///   - add: adds its first argument onto its second.
  @inlinable
  package static func sum<Buffer>(
    _ run: Range<Int>, into target: Target<Buffer>, scratch: (_ level: Int) -> Buffer,
    leaf: (_ run: Range<Int>, _ target: Target<Buffer>) -> Bool, add: (_ from: Buffer, _ into: Buffer) -> Void
  ) {
    if leaf(run, target) { return }
    let (left, right) = children(of: run)
    var sum = target
    if target.adds { sum = Target(scratch(target.level), level: target.level + 1) }
    Self.sum(left, into: sum, scratch: scratch, leaf: leaf, add: add)
    sum.adds = true
    Self.sum(right, into: sum, scratch: scratch, leaf: leaf, add: add)
    if target.adds { add(sum.buffer, target.buffer) }
  }
}

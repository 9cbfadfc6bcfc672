import Network
import Summation

/// A worker's share of which one shard is a node of its own, so that its gradient is there by itself before it is added.
struct SplitShare {
  typealias Buffer = UnsafeMutablePointer<Float>

  let share: WorkerShare
  /// Of the shard.
  let gradient: Buffer
  /// Sums that are left to be added, each from the first buffer onto the second, in the tree's order.
  let additions: [(from: Buffer, into: Buffer)]

  /// - Parameters:
  ///   - whole: holds `shard`.
  ///   - scratch: the buffer of a level of the tree, from 0; see `ShardTree.levels`.
  init(_ whole: WorkerShare, apart shard: Int, shardSize: Int, scratch: (_ level: Int) -> Buffer) {
    var nodes: [WorkerShare.Node] = []
    var additions: [(from: Buffer, into: Buffer)] = []
    func split(_ run: Range<Int>, _ target: Buffer, level: Int) -> Buffer? {
      guard run.contains(shard), run.count > 1 else {
        nodes.append(WorkerShare.Node(shards: run, target: target))
        return run.contains(shard) ? target : nil
      }
      let (left, right) = ShardTree.children(of: run)
      let first = split(left, target, level: level + 1)
      let second = split(right, scratch(level), level: level + 1)
      additions.append((scratch(level), target))
      return first ?? second
    }
    var gradient: Buffer?
    for node in whole.nodes {
      if let found = split(node.shards, node.target, level: 0) { gradient = found }
    }
    guard let gradient else { fatalError("Shard \(shard) is not among those of the share.") }
    share = WorkerShare(nodes, of: whole.batchExamples, shardSize: shardSize)
    self.gradient = gradient
    self.additions = additions
  }
}

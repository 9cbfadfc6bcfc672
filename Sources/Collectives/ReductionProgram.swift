import Summation

/// How the partial sums of all workers become one, in the order of the shard tree.
///
/// Every worker owns a contiguous run of the batch's shards and holds one partial sum per largest tree node inside its
/// run. The program adds right children into left ones until the first buffer holds the root:
///
///     5 shards, workers {0,1}, {2}, {3,4}:   node 0 = 0‥1, node 1 = 2, node 2 = 3, node 3 = 4
///     tree ((0+1)+(2+3))+4:                  1 += 2,  0 += 1,  0 += 3
///
/// Which worker holds a node does not matter to the sum; each segment of the buffers is added by one worker. An addition
/// whose shards all belong to one group of workers is inside that group, and so is all that it needs. All groups can
/// therefore add `inside` at once before any worker adds `across`:
///
///     8 shards, 2 to each of 4 workers in 2 groups:   inside 0 += 1 and 2 += 3,   across 0 += 2
///
/// The workers of one rank of a job own a part of the shards alone. Their program ends with one sum for each largest tree
/// node in that part; a second one, whose workers are the ranks, goes on from there.
package struct ReductionProgram: Hashable, Sendable {
  /// One partial sum: its shards, and the worker and buffer that hold it.
  package struct Node: Hashable, Sendable {
    package var shards: Range<Int>
    package var worker: Int
    /// Number of the buffer among the worker's.
    package var slot: Int
  }
  /// One addition, `nodes[into] += nodes[from]`.
  package struct Step: Hashable, Sendable {
    package var into: Int
    package var from: Int
  }
  package private(set) var nodes: [Node] = []
  /// All additions in their order.
  package private(set) var steps: [Step] = []
  /// Per group, those of its workers alone.
  package private(set) var inside: [[Step]]
  /// Those that join groups.
  package private(set) var across: [Step] = []
  /// The nodes that hold a sum at the end: the first one alone, if the workers own all shards.
  package private(set) var roots: [Int] = []
  package let shardCount: Int
  private let shardsOfGroup: [Range<Int>]

  /// - Parameters:
  ///   - runs: each worker's shards, contiguous, ascending, together all of `0..<shardCount` or a run of them; may be empty.
  ///   - groups: contiguous workers, ascending, together all workers; `nil` means one group.
  package init(shardCount: Int, runs: [Range<Int>], groups: [Range<Int>]? = nil) {
    self.shardCount = shardCount
    let groups = groups ?? [0..<runs.count]
    inside = [[Step]](repeating: [], count: groups.count)
    shardsOfGroup = groups.map { group in
      guard let first = group.first, let last = group.last else { return 0..<0 }
      return runs[first].lowerBound..<runs[last].upperBound
    }
    for (worker, run) in runs.enumerated() {
      for (slot, shards) in ShardTree.nodes(in: run, of: shardCount).enumerated() {
        nodes.append(Node(shards: shards, worker: worker, slot: slot))
      }
    }
    guard let first = runs.first, let last = runs.last else { return }
    for node in ShardTree.nodes(in: first.lowerBound..<last.upperBound, of: shardCount) { roots.append(combine(node)) }
    precondition(roots.first ?? 0 == 0, "The first sum of a reduction is in its first node.")
  }

  /// Emits the additions of one run of shards; returns the node that then holds its sum.
  private mutating func combine(_ run: Range<Int>) -> Int {
    ShardTree.fold(run) { run in
      if let node = nodes.firstIndex(where: { $0.shards == run }) { return node }
      precondition(run.count > 1, "Shard \(run.lowerBound) belongs to no worker.")
      return nil
    } combine: { run, left, right in
      let step = Step(into: left, from: right)
      steps.append(step)
      if let group = shardsOfGroup.firstIndex(where: {
        $0.lowerBound <= run.lowerBound && run.upperBound <= $0.upperBound
      }) {
        inside[group].append(step)
      } else {
        across.append(step)
      }
      return left
    }
  }

  /// The partial sums of one worker, in order of their slots.
  package func nodes(of worker: Int) -> [Node] { nodes.filter { $0.worker == worker } }

  /// The most buffers that a worker needs.
  package var slotsPerWorker: Int { (nodes.map(\.slot).max() ?? -1) + 1 }

  /// The most shards of one worker.
  package var largestShare: Int {
    var shares: [Int: Int] = [:]
    for node in nodes { shares[node.worker, default: 0] += node.shards.count }
    return shares.values.max() ?? 0
  }
}

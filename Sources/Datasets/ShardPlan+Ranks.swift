/// How the shards of a batch are dealt to the ranks of a job.
///
/// Each rank gets a contiguous run, cut where the shard tree is: a rank sends a partial sum for every largest tree node
/// inside its run, so runs that begin and end on a coarse grid of powers of two send few.
///
///     1000 shards, 3 ranks of 48 workers    even   0‥333, 333‥666, 666‥1000    5, 9 and 5 sums
///                                           dealt  0‥336, 336‥672, 672‥1000    3, 5 and 3 sums
///
/// Runs say who computes which node of the tree, never what comes out.
extension ShardPlan {
  /// The shards of each of `ranks` with so many workers, of a batch of `shardCount` shards.
  ///
  /// The grid is the coarsest of 1, 2, 4, … units whose whole blocks, dealt evenly in rank order, leave no rank without a
  /// block and give no worker more than an even deal to all workers would. With fewer units than ranks, some get none.
  /// - Parameters:
  ///   - workers: of every rank; of the one with the fewest, if they differ.
  ///   - unit: shards that one worker must have together; the last unit may be smaller.
  package static func shards(
    ofRanks ranks: Int, workers: Int, shardCount: Int, unit: Int = 1
  ) -> [Range<Int>] {
    precondition(ranks >= 1 && workers >= 1 && unit >= 1, "No shards for \(ranks) ranks of \(workers) workers.")
    let units = pieces(of: shardCount, size: unit)
    let capacity = workers * pieces(of: units, size: ranks * workers)
    var block = 1
    while block < units, fits(2 * block, units, ranks, capacity) { block *= 2 }
    let starts = (0...ranks).map { rank in
      min(pieces(of: units, size: block) * rank / ranks * block * unit, shardCount)
    }
    return (0..<ranks).map { starts[$0]..<starts[$0 + 1] }
  }

  /// Whether blocks of so many units can be dealt so that every rank has one and none has more units than `capacity`.
  private static func fits(_ block: Int, _ units: Int, _ ranks: Int, _ capacity: Int) -> Bool {
    let blocks = pieces(of: units, size: block)
    guard blocks >= ranks else { return false }
    return (0..<ranks).allSatisfy { rank in
      let (first, end) = (blocks * rank / ranks * block, min(blocks * (rank + 1) / ranks * block, units))
      return end - first <= capacity
    }
  }
}

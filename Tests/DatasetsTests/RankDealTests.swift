import Datasets
import Testing

/// How shards are dealt to ranks: the numbers of a table, and what must hold for any.
@Suite("Deals of shards to ranks")
struct RankDealTests {
  /// The largest nodes of the shard tree inside a run, by its definition.
  private static func nodes(_ run: Range<Int>, of tree: Range<Int>) -> Int {
    let common = tree.clamped(to: run)
    if common.isEmpty { return 0 }
    if common == tree { return 1 }
    var left = 1
    while left * 2 < tree.count { left *= 2 }
    let middle = tree.lowerBound + left
    return nodes(run, of: tree.lowerBound..<middle) + nodes(run, of: middle..<tree.upperBound)
  }

  /// Shards, ranks, workers of each; the most sums that a rank sends of an even deal, and of ours.
  private static let table: [(shards: Int, ranks: Int, workers: Int, even: Int, dealt: Int)] = [
    (128, 3, 64, 6, 1), (128, 3, 16, 6, 2), (256, 5, 16, 6, 2), (512, 7, 64, 8, 1), (1000, 3, 48, 9, 5),
    (1024, 12, 64, 7, 1), (4096, 24, 64, 8, 2),
  ]

  @Test("a rank's shards are few nodes of the tree", arguments: table.indices)
  func sums(row: Int) {
    let (shards, ranks, workers, even, dealt) = Self.table[row]
    func most(_ runs: [Range<Int>]) -> Int? { runs.map { Self.nodes($0, of: 0..<shards) }.max() }
    #expect(most((0..<ranks).map { shards * $0 / ranks..<shards * ($0 + 1) / ranks }) == even)
    #expect(most(ShardPlan.shards(ofRanks: ranks, workers: workers, shardCount: shards)) == dealt)
  }

  @Test("every shard once, in order, in whole units, no rank empty, no worker with more than in an even deal")
  func properties() {
    for shards in [1, 2, 3, 5, 8, 13, 31, 64, 100, 129, 1000] {
      for ranks in [1, 2, 3, 5, 7, 16] {
        for workers in [1, 2, 3, 8, 48] {
          for unit in [1, 2, 3] {
            let runs = ShardPlan.shards(ofRanks: ranks, workers: workers, shardCount: shards, unit: unit)
            let units = (shards + unit - 1) / unit
            #expect(runs.count == ranks && runs.first?.lowerBound == 0 && runs.last?.upperBound == shards)
            for (run, next) in zip(runs, runs.dropFirst()) { #expect(run.upperBound == next.lowerBound) }
            for run in runs {
              #expect(run.lowerBound % unit == 0 || run.isEmpty)
              #expect(!run.isEmpty || units < ranks, "\(shards) shards, \(ranks) ranks of \(workers), \(runs)")
              let own = (run.count + unit - 1) / unit
              #expect((own + workers - 1) / workers <= (units + ranks * workers - 1) / (ranks * workers))
            }
          }
        }
      }
    }
  }

  @Test("one rank has them all")
  func alone() {
    #expect(ShardPlan.shards(ofRanks: 1, workers: 3, shardCount: 17) == [0..<17])
    #expect(ShardPlan.shards(ofRanks: 2, workers: 3, shardCount: 0) == [0..<0, 0..<0])
  }
}

import Collectives
import Datasets

/// The shards of a batch by rank.
package struct RankDeal: Hashable, Sendable {
  package let shardCount: Int
  package let runs: [Range<Int>]
  private let rank: Int

  /// - Parameters:
  ///   - place: `nil` for a process that is alone.
  ///   - step: in its epoch.
  init(_ shards: ShardPlan, _ place: RankPlace?, _ unit: Int, step: Int) {
    shardCount = shards.shardCount(batchSize: shards.batchRange(stepInEpoch: step).count)
    rank = place?.rank ?? 0
    runs = ShardPlan.shards(
      ofRanks: place?.count ?? 1, workers: place?.workers ?? 1, shardCount: shardCount, unit: unit)
  }

  /// The rank's own.
  package var own: Range<Int> { runs[rank] }
}

/// What a process does as a rank of a job.
///
///     1 all-to-all   each rank sends its partial sums, to every rank the floats of that rank's segment
///     2 finish       every rank adds the sums over its segment, in the tree's order, and updates the weights there
///     3 gather       each rank sends its new weights to all
///
/// Each bucket is exchanged by itself; a rank has a segment of each.
///
/// A rank whose shards are k tree nodes sends k sums: (k + 1) / 2 times the bytes of a ring's all-reduce.
package struct RankPlan: Sendable {
  package let place: RankPlace
  let buckets: [Bucket]
  /// Of a full batch, and of the ragged last one.
  package let full: RankDeal
  package let last: RankDeal
  /// How the ranks' partial sums become one; workers of these programs are ranks.
  let programs: (full: ReductionProgram, last: ReductionProgram)
  /// Of the sums that other ranks send, by bucket.
  let inboxFloats: [Int]

  init(_ place: RankPlace, full: RankDeal, last: RankDeal, _ buckets: [Bucket]) {
    self.place = place
    self.full = full
    self.last = last
    self.buckets = buckets
    let programs = (
      ReductionProgram(shardCount: full.shardCount, runs: full.runs),
      ReductionProgram(shardCount: last.shardCount, runs: last.runs)
    )
    self.programs = programs
    inboxFloats = buckets.map { bucket in
      max(
        RankInbox.floatCount(programs.0, rank: place.rank, segment: bucket.own),
        RankInbox.floatCount(programs.1, rank: place.rank, segment: bucket.own))
    }
  }

  private var trainedFloats: Int { buckets[buckets.count - 1].floats.upperBound }

  /// The sums that each rank sends of a full batch: the largest tree nodes inside its shards.
  package var sumsOfRanks: [Int] {
    var counts = [Int](repeating: 0, count: place.count)
    for node in programs.full.nodes { counts[node.worker] += 1 }
    return counts
  }

  /// Bytes that a rank sends in a step of a full batch: its sums over all other segments, and its weights to all others.
  package func bytesSent(by rank: Int) -> Int {
    let (own, sums) = (buckets.reduce(0) { $0 + $1.ranks[rank].count }, sumsOfRanks[rank])
    return (sums * (trainedFloats - own) + (place.count - 1) * own) * MemoryLayout<Float>.stride
  }

  /// Bytes that it would send in a ring's all-reduce.
  package var bytesInRing: Int {
    2 * trainedFloats * (place.count - 1) / place.count * MemoryLayout<Float>.stride
  }
}

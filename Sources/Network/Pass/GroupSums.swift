import Summation

/// The sums of one meeting over each group of a batch's shards, once all workers have stored those of their shards.
package struct GroupSums {
  /// `[shard][sumsPerShard]`, from the meeting's first sum on.
  private let sums: UnsafePointer<Double>
  private let sumsPerShard: Int
  private let shardsPerGroup: Int
  private let shardSize: Int
  /// Examples of the batch.
  private let batch: Int

  init(
    _ sums: UnsafePointer<Double>, sumsPerShard: Int, shardsPerGroup: Int, shardSize: Int, batch: Int
  ) {
    self.sums = sums
    self.sumsPerShard = sumsPerShard
    self.shardsPerGroup = shardsPerGroup
    self.shardSize = shardSize
    self.batch = batch
  }

  /// Groups of the batch; the last may be smaller.
  package var count: Int { (batch + shardsPerGroup * shardSize - 1) / (shardsPerGroup * shardSize) }

  package func examples(of group: Int) -> Int {
    let size = shardsPerGroup * shardSize
    return min(size, batch - group * size)
  }

  /// Sum number `j` of a group: left plus right in the tree over its shards.
  package func total(of group: Int, _ j: Int) -> Double {
    let first = group * shardsPerGroup
    return total(first..<first + (examples(of: group) + shardSize - 1) / shardSize, j)
  }

  private func total(_ shards: Range<Int>, _ j: Int) -> Double {
    guard shards.count > 1 else { return sums[shards.lowerBound * sumsPerShard + j] }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    return total(shards.lowerBound..<middle, j) + total(middle..<shards.upperBound, j)
  }
}

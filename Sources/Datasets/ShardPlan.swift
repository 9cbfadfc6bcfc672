import Diagnostics

/// How an epoch is cut into batches, a batch into shards, and the shards among workers.
///
/// ```
/// epoch order  0 ........................................ exampleCount
/// batches      |--- batchSize ---|--- batchSize ---|- ragged -|
/// shards       |-- s --|-- s --|r|                             s = shardSize, r = ragged
/// workers      | worker 0 | worker 1: whole, contiguous shards
/// ```
/// Batches and shards depend on the configuration alone; only the last cut knows workers. All ranges are of
/// positions in the epoch's order (`EpochOrder`) or of shard numbers in a batch. A pure value; allocates nothing.
package struct ShardPlan: Hashable, Sendable {
  package let exampleCount: Int
  package let batchSize: Int
  package let shardSize: Int

  /// Throws `.badData` for no examples and `.badConfiguration` for sizes below 1.
  ///
  /// A batch larger than the data set is one ragged batch per epoch; a shard larger than the batch is one shard.
  package init(exampleCount: Int, batchSize: Int, shardSize: Int) throws(UserError) {
    guard exampleCount >= 1 else {
      throw UserError(.badData, "data.train", "holds \(exampleCount) examples; training needs at least 1")
    }
    guard batchSize >= 1 else {
      throw UserError(.badConfiguration, "training.batch_size", "is \(batchSize); it must be at least 1")
    }
    guard shardSize >= 1 else {
      throw UserError(.badConfiguration, "runtime.shard_size", "is \(shardSize); it must be at least 1")
    }
    self.exampleCount = exampleCount
    self.batchSize = batchSize
    self.shardSize = shardSize
  }

  /// Steps that visit every example once; at least 1.
  package var stepsPerEpoch: Int { Self.pieces(of: exampleCount, size: batchSize) }

  /// The shards of a full batch: no batch of the plan has more.
  package var maximumShardCount: Int { shardCount(batchSize: min(batchSize, exampleCount)) }

  /// Positions of the batch of step `stepInEpoch`, in `0..<stepsPerEpoch`; the last may be shorter, none is empty.
  package func batchRange(stepInEpoch: Int) -> Range<Int> {
    precondition(
      stepInEpoch >= 0 && stepInEpoch < stepsPerEpoch,
      "Step \(stepInEpoch) is outside an epoch of \(stepsPerEpoch).")
    return piece(stepInEpoch, of: 0..<exampleCount, size: batchSize)
  }

  /// Shards of a batch of `batchSize` examples.
  package func shardCount(batchSize: Int) -> Int { Self.shardCount(batchSize: batchSize, shardSize: shardSize) }

  /// The same before there is a plan, for `shardSize` ≥ 1: ⌈B/s⌉.
  package static func shardCount(batchSize: Int, shardSize: Int) -> Int { pieces(of: batchSize, size: shardSize) }

  /// Positions of one shard of the batch at `batch`; the last may be shorter, none is empty.
  package func shardRange(shard: Int, in batch: Range<Int>) -> Range<Int> {
    precondition(
      shard >= 0 && shard < shardCount(batchSize: batch.count),
      "Shard \(shard) is outside a batch of \(batch.count) examples.")
    return piece(shard, of: batch, size: shardSize)
  }

  /// The contiguous shards of worker `w`: ⌊S·w/W⌋ ..< ⌊S·(w+1)/W⌋; sizes differ by at most one, and may be 0.
  ///
  /// - Parameter unit: shards that one worker must have together; the same with whole units, of which the last may be smaller.
  package func shards(ofWorker w: Int, of workers: Int, shardCount: Int, unit: Int = 1) -> Range<Int> {
    precondition(workers >= 1 && w >= 0 && w < workers, "Worker \(w) is outside a group of \(workers).")
    let units = Self.pieces(of: shardCount, size: unit)
    return min(units * w / workers * unit, shardCount)..<min(units * (w + 1) / workers * unit, shardCount)
  }

  static func pieces(of length: Int, size: Int) -> Int { length == 0 ? 0 : (length - 1) / size + 1 }

  private func piece(_ number: Int, of range: Range<Int>, size: Int) -> Range<Int> {
    let start = range.lowerBound + number * size
    return start..<start + min(size, range.upperBound - start)
  }
}

import Diagnostics
import TestSupport
import Testing

@testable import Datasets

@Suite struct ShardPlanTests {
  /// Every position once and in order, over all small sizes and worker counts.
  @Test("every position is covered exactly once")
  func everyPositionIsCoveredExactlyOnce() throws {
    for exampleCount in 1...13 {
      for batchSize in 1...15 {
        for shardSize in 1...9 {
          let plan = try ShardPlan(exampleCount: exampleCount, batchSize: batchSize, shardSize: shardSize)
          for workers in [1, 2, 3, 5, 8, 17] {
            let visited = positions(plan, workers: workers)
            if visited != Array(0..<exampleCount) {
              Issue.record("\(plan) with \(workers) workers visits \(visited)")
            }
          }
        }
      }
    }
  }

  private func positions(_ plan: ShardPlan, workers: Int) -> [Int] {
    var visited: [Int] = []
    for step in 0..<plan.stepsPerEpoch {
      let batch = plan.batchRange(stepInEpoch: step)
      let isLast = step == plan.stepsPerEpoch - 1
      if batch.isEmpty || (!isLast && batch.count != plan.batchSize) { return [] }
      let shardCount = plan.shardCount(batchSize: batch.count)
      if shardCount > plan.maximumShardCount { return [] }
      for worker in 0..<workers {
        for shard in plan.shards(ofWorker: worker, of: workers, shardCount: shardCount) {
          let range = plan.shardRange(shard: shard, in: batch)
          if range.isEmpty || (shard < shardCount - 1 && range.count != plan.shardSize) { return [] }
          visited += range
        }
      }
    }
    return visited
  }

  @Test("workers differ by at most one shard")
  func workersDifferByAtMostOneShard() throws {
    let plan = try ShardPlan(exampleCount: 1, batchSize: 1, shardSize: 1)
    for shardCount in 0...40 {
      for workers in 1...45 {
        let sizes = (0..<workers).map { plan.shards(ofWorker: $0, of: workers, shardCount: shardCount).count }
        #expect(sizes.reduce(0, +) == shardCount)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(shardCount) shards, \(workers) workers: \(sizes)")
      }
    }
  }

  @Test("huge sizes do not overflow")
  func hugeSizesDoNotOverflow() throws {
    let plan = try ShardPlan(exampleCount: .max, batchSize: .max - 1, shardSize: .max)
    #expect(plan.stepsPerEpoch == 2)
    #expect(plan.batchRange(stepInEpoch: 1) == Int.max - 1..<Int.max)
    #expect(plan.shardCount(batchSize: plan.batchSize) == 1)
    #expect(plan.shardRange(shard: 0, in: Int.max - 1..<Int.max) == Int.max - 1..<Int.max)
    let small = try ShardPlan(exampleCount: 3, batchSize: .max, shardSize: .max)
    #expect(small.batchRange(stepInEpoch: 0) == 0..<3)
    #expect(small.maximumShardCount == 1)
  }

  @Test("sizes below 1 are refused")
  func refusals() {
    func category(_ examples: Int, _ batch: Int, _ shard: Int) -> UserError.Category? {
      userError { _ = try ShardPlan(exampleCount: examples, batchSize: batch, shardSize: shard) }?.category
    }
    #expect(category(0, 1, 1) == .badData)
    #expect(category(1, 0, 1) == .badConfiguration)
    #expect(category(1, 1, -1) == .badConfiguration)
  }
}

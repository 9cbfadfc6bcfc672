import Datasets
import Diagnostics
import Runs
import Storage

/// Computes single shards of a step again, to find where two runs differ. On one worker.
package struct ShardReplay {
  /// What a shard gave.
  package struct Shard: Sendable {
    package var loss: Double
    /// The trained parameters' gradients in layer order, in the layout of the flat buffer.
    package var gradient: [Float]
    /// What layers sum over the whole batch, see `Schedule.order`; empty without such layers.
    package var sums: [Double]
  }

  package let plan: RunPlan
  private let session: Session
  private let dataset: ImageDataset
  private let options: RunOptions

  /// - Parameters:
  ///   - plan: of one worker.
  ///   - weights: before the step.
  package init(_ plan: RunPlan, weights: [NamedTensor], dataset: ImageDataset, options: RunOptions = RunOptions())
    throws
  {
    precondition(plan.workerCount == 1, "One worker computes all shards.")
    self.plan = plan
    self.dataset = dataset
    self.options = options
    session = try Session(plan, start: .weights(weights, source: "weights"), orderedExamples: dataset.count)
  }

  /// All shards of step `number`, from 0.
  package func shards(ofStep number: Int) throws -> [Shard] {
    let step = plan.step(number)
    let configuration = plan.configuration
    session.shared.order.reorder(
      seed: configuration.seed, epoch: step.epoch, shuffle: configuration.training.shuffle)
    let (count, sums) = (plan.memory.trainedFloats, plan.network.schedule.sumsPerShard)
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: count * step.shardCount)
    memory.initialize(repeating: 0, count: count * step.shardCount)
    defer { memory.deallocate() }
    // Written by the one worker, read after it has finished.
    nonisolated(unsafe) let targets = (0..<step.shardCount).map { memory + $0 * count }
    try session.group.run { [session, dataset, options] context in
      let worker = try Worker(context, session, options)
      try worker.loadWeights()
      worker.shardGradients(dataset, step, into: targets)
    }
    return (0..<step.shardCount).map {
      Shard(
        loss: session.shared.losses[$0],
        gradient: Array(UnsafeBufferPointer(start: memory + $0 * count, count: count)),
        sums: Array(UnsafeBufferPointer(start: session.shared.meetingSums + $0 * sums, count: sums)))
    }
  }
}

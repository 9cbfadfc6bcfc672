import Datasets
import Machine
import Network

/// The memory all workers of a run share.
///
/// `@unchecked Sendable`: between two barriers every float and every field has one writer. Weights, velocity and prepared
/// weights are written in segments by their worker between the second and third barrier of a step; `losses` and
/// `correct` by the worker of the shard before the first; control fields by worker 0 between first and second.
final class SharedState: @unchecked Sendable {
  let plan: RunPlan
  let weights: UnsafeMutablePointer<Float>
  let velocity: UnsafeMutablePointer<Float>
  let prepared: UnsafeMutablePointer<Float>
  /// `gradients[worker · slots + slot]`: flat buffers in the workers' own memory, entered by each worker at its start.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// The workers' own memory, entered by each at its start. Others add its gradients, so it stays when a worker fails.
  let memories: UnsafeMutablePointer<NodeBuffer?>
  /// Sums over one shard, by shard number.
  let losses: UnsafeMutablePointer<Double>
  let correct: UnsafeMutablePointer<Int>
  let order: EpochOrder
  let timings: UnsafeMutablePointer<StepTiming>
  let beats: WorkerBeats
  /// Every worker's timelines, where a benchmark asked for them.
  let timelines: TimelineLog?
  private let memory: NodeBuffer
  private let shardCapacity: Int

  /// Set by worker 0 inside a step: this was the last one.
  var isLastStep = false
  /// Set by worker 0 inside a step: whether the mean loss of its batch is a number.
  var lossIsFinite = true
  /// Set by worker 0 inside a step: every worker copies its part of the state into the snapshot.
  var takesSnapshot = false

  /// - Throws: `UserError(.systemRefused)` where all the memory that a run of `plan` takes does not fit.
  init(_ plan: RunPlan, exampleCount: Int, testExampleCount: Int, keepsTimelines: Bool = false) throws {
    self.plan = plan
    try MemoryNeeds(plan).requireFits(AvailableMemory.read())
    let parameters = plan.network.parameters.packedCount
    let prepared = plan.network.preparedCount
    memory = try NodeBuffer(
      byteCount: (2 * parameters + roundUp(prepared, to: 32)) * MemoryLayout<Float>.stride, node: nil)
    let floats = memory.pointer.bindMemory(to: Float.self, capacity: 2 * parameters + prepared)
    weights = floats
    velocity = floats + parameters
    self.prepared = floats + 2 * parameters
    gradients = .allocate(capacity: plan.workerCount * plan.gradientSlots)
    gradients.initialize(repeating: nil, count: plan.workerCount * plan.gradientSlots)
    memories = .allocate(capacity: plan.workerCount)
    for worker in 0..<plan.workerCount { (memories + worker).initialize(to: nil) }
    shardCapacity = max(
      plan.shards.maximumShardCount, plan.shards.shardCount(batchSize: testExampleCount), 1)
    losses = .allocate(capacity: shardCapacity)
    losses.initialize(repeating: 0, count: shardCapacity)
    correct = .allocate(capacity: shardCapacity)
    correct.initialize(repeating: 0, count: shardCapacity)
    timings = .allocate(capacity: plan.workerCount)
    timings.initialize(repeating: StepTiming(), count: plan.workerCount)
    beats = WorkerBeats(count: plan.workerCount)
    timelines = keepsTimelines ? TimelineLog(workers: plan.workerCount) : nil
    order = EpochOrder(count: exampleCount)
  }

  deinit {
    gradients.deallocate()
    memories.deinitialize(count: plan.workerCount)
    memories.deallocate()
    losses.deallocate()
    correct.deallocate()
    timings.deallocate()
  }
}

/// Where one worker's time of one step went; written by that worker.
struct StepTiming {
  /// Forward and backward over the worker's shards.
  var computeNanoseconds: UInt64 = 0
  /// All-reduce and update of the worker's segment.
  var reduceNanoseconds: UInt64 = 0
  /// Waiting for others.
  var barrierNanoseconds: UInt64 = 0
  /// A worker's entry fills a cache line, so that writers do not share one.
  private var padding: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
}

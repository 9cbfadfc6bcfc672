import Collectives
import Datasets
import Machine
import Network

/// The memory all workers of a run share.
///
/// `@unchecked Sendable`: between two barriers every float and every field has one writer. Velocity and the weights of all
/// replicas are written in segments by their worker in the update, prepared weights by the members of their group after
/// it; `losses` and `correct` by the worker of the shard while it computes; control fields by worker 0 in the update.
final class SharedState: @unchecked Sendable {
  let plan: RunPlan
  /// One per memory group; equal but while they are written.
  let replicas: [WeightReplica]
  let weightsOfReplicas: [UnsafeMutablePointer<Float>]
  /// The optimizer's state; each group's segments lie on its node.
  let velocity: UnsafeMutablePointer<Float>
  /// `gradients[worker · slots + slot]`: flat buffers in the workers' own memory, entered by each worker at its start.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// The workers' own memory, entered by each at its start. Others add its gradients, so it stays when a worker fails.
  let memories: UnsafeMutablePointer<WorkerMemory?>
  /// What each worker found out about its thread and memory at the end of its run.
  let placements: UnsafeMutablePointer<PlacementRecord?>
  /// Sums over one shard, by shard number.
  let losses: UnsafeMutablePointer<Double>
  let correct: UnsafeMutablePointer<Int>
  let order: EpochOrder
  let timings: UnsafeMutablePointer<StepTiming>
  let beats: WorkerBeats
  /// Every worker's timelines, where a benchmark asked for them.
  let timelines: TimelineLog?
  private let velocityMemory: NodeBuffer
  /// How many stretches of the velocity the system refused to place.
  let velocityRefusals: Int
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
    replicas = try plan.groups.map { try WeightReplica(plan, node: $0.memoryNode) }
    weightsOfReplicas = replicas.map(\.weights)
    let parameters = plan.network.parameters.packedCount
    velocityMemory = try NodeBuffer(
      byteCount: parameters * MemoryLayout<Float>.stride, hugePages: plan.configuration.runtime.memory.hugePages,
      purpose: "the optimizer's state")
    let velocity = velocityMemory.pointer.bindMemory(to: Float.self, capacity: parameters)
    self.velocity = velocity
    velocityRefusals = plan.groups.reduce(0) { refusals, group in
      guard let node = group.memoryNode else { return refusals }
      let segment = plan.segment(of: group.workers)
      let bytes = UnsafeRawBufferPointer(
        UnsafeBufferPointer(start: velocity + segment.lowerBound, count: segment.count))
      return refusals + (MemoryPolicy.prefer(node: node, bytes) ? 0 : 1)
    }
    gradients = .allocate(capacity: plan.workerCount * plan.gradientSlots)
    gradients.initialize(repeating: nil, count: plan.workerCount * plan.gradientSlots)
    memories = .allocate(capacity: plan.workerCount)
    for worker in 0..<plan.workerCount { (memories + worker).initialize(to: nil) }
    placements = .allocate(capacity: plan.workerCount)
    placements.initialize(repeating: nil, count: plan.workerCount)
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
    placements.deinitialize(count: plan.workerCount)
    placements.deallocate()
    losses.deallocate()
    correct.deallocate()
    timings.deallocate()
  }
}

extension SharedState {
  /// The first replica, which stands for all of them outside of a run.
  var weights: UnsafeMutablePointer<Float> { replicas[0].weights }
  var prepared: UnsafeMutablePointer<Float> { replicas[0].prepared }

  /// The stretch of the velocity that `workers` update.
  func velocityBytes(_ workers: Range<Int>) -> UnsafeRawBufferPointer {
    let segment = plan.segment(of: workers)
    return UnsafeRawBufferPointer(UnsafeBufferPointer(start: velocity + segment.lowerBound, count: segment.count))
  }

  /// Clears the shared memory, each page by a worker of its node: where placing it was refused, the first touch decides.
  ///
  /// To be called once, before weights are set.
  func clear(_ group: WorkerGroup) throws {
    try group.run { [self] context in
      let replica = UnsafeMutableRawBufferPointer(mutating: replicas[context.group].bytes)
      for bytes in [
        part(context.member, of: context.members.count, UnsafeRawBufferPointer(replica)),
        velocityBytes(context.index..<context.index + 1),
      ] {
        UnsafeMutableRawBufferPointer(mutating: bytes).initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
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

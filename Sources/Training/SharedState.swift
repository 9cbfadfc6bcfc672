import Collectives
import Datasets
import Machine

/// The memory all workers of a run share.
///
/// `@unchecked Sendable`: between two barriers every float and every field has one writer. The optimizer's state and the
/// weights of all replicas are written in segments by their worker in the update, prepared weights by the members of their group after
/// it; `losses`, `correct` and `topFive` by the worker of the shard while it computes; control fields by worker 0 in the update.
final class SharedState: @unchecked Sendable {
  let plan: RunPlan
  /// One per memory group; identical except during the update.
  let replicas: [WeightReplica]
  let optimizer: OptimizerState
  let average: WeightAverage?
  /// The workers' partial sums, flat buffers in their own memory that each enters at its start; results are the weights.
  let transport: SharedMemory
  /// The workers' own memory, entered by each at its start. Others add its gradients, so it is kept if a worker fails.
  let memories: UnsafeMutablePointer<WorkerMemory?>
  /// What each worker found out about its thread and memory at the end of its run.
  let placements: UnsafeMutablePointer<PlacementRecord?>
  /// Sums over one shard, by shard number.
  let losses: UnsafeMutablePointer<Double>
  let correct: UnsafeMutablePointer<Int>
  /// Hits among the five likeliest classes, of evaluations alone.
  let topFive: UnsafeMutablePointer<Int>
  /// `[shard][schedule.sumsPerShard]`: what layers sum over the whole batch, each shard's by its worker, between the
  /// meetings of a step.
  let meetingSums: UnsafeMutablePointer<Double>
  /// Of the gradient and the weights of a step, where norms are asked for.
  let gradientSquares: SquareSums?
  let weightSquares: SquareSums?
  let order: EpochOrder
  let beats: WorkerBeats
  /// The check of a shard by another worker; `nil` without one.
  let audit: Audit?
  /// The digest of the weights, of which every worker hashes a part; `nil` without a ledger.
  let weightsTree: TreeHash?
  /// Where every worker's time went.
  let times: StepTimes
  private let shardCapacity: Int

  /// Set by worker 0 inside a step: this was the last one.
  var isLastStep = false
  /// Set by worker 0 inside the last step of a run that was not interrupted: the test set is evaluated after it.
  var evaluatesEnd = false
  /// Set by worker 0 before an epoch: the run has ended with the one before.
  var isOver = false
  /// Set by worker 0 before an epoch: the learning rate that a plateau has come to.
  var plateauRate: Double?
  /// Set by worker 0 inside a step: whether the mean loss of its batch is a number.
  var lossIsFinite = true
  /// Set by worker 0 inside a step: every worker copies its part of the state into the snapshot.
  var takesSnapshot = false

  /// - Parameters:
  ///   - orderedExamples: of the data set that training goes through in another order every epoch; 0 for none.
  ///   - evaluatedExamples: of the data set that is evaluated as a whole; 0 for none.
  ///   - keptSteps: how many of the last steps have their times kept.
  /// - Throws: `UserError(.systemRefused)` if the memory that a run of `plan` takes does not fit.
  init(_ plan: RunPlan, orderedExamples: Int, evaluatedExamples: Int, keptSteps: Int = 1) throws {
    self.plan = plan
    try plan.requireMemory(AvailableMemory.read())
    replicas = try plan.groups.map { try WeightReplica(plan.memory, node: $0.memoryNode) }
    optimizer = try OptimizerState(plan.memory, plan.buckets, plan.groups)
    average = try plan.configuration.training.weightAverage.map { rule in try WeightAverage(rule, plan.memory) }
    transport = SharedMemory(
      workers: plan.workerCount, slots: plan.gradientSlots, results: replicas.map(\.weights))
    memories = .allocate(capacity: plan.workerCount)
    for worker in 0..<plan.workerCount { (memories + worker).initialize(to: nil) }
    placements = .allocate(capacity: plan.workerCount)
    placements.initialize(repeating: nil, count: plan.workerCount)
    shardCapacity = max(
      plan.shards.maximumShardCount, plan.shards.shardCount(batchSize: evaluatedExamples), 1)
    losses = .allocate(capacity: shardCapacity)
    losses.initialize(repeating: 0, count: shardCapacity)
    correct = .allocate(capacity: shardCapacity)
    correct.initialize(repeating: 0, count: shardCapacity)
    topFive = .allocate(capacity: shardCapacity)
    topFive.initialize(repeating: 0, count: shardCapacity)
    let sums = max(plan.memory.meetingSums, 1)
    meetingSums = .allocate(capacity: sums)
    meetingSums.initialize(repeating: 0, count: sums)
    gradientSquares = plan.readsNorms ? SquareSums(plan.network.parameters) : nil
    weightSquares = plan.optimizer.readsNorms ? SquareSums(plan.network.parameters) : nil
    audit = try Audit(plan)
    weightsTree =
      plan.configuration.ledger.isOn
      ? TreeHash(
        wordCount: plan.memory.parameterFloats, zeros: plan.network.parameters.padding, callers: plan.workerCount)
      : nil
    beats = WorkerBeats(count: plan.workerCount)
    times = StepTimes(
      workers: plan.workerCount, keptSteps: keptSteps,
      meetings: TrainingLoop.meetings(plan.ranks) + (plan.ranks == nil ? 2 : 4) * plan.network.schedule.meetings.count)
    order = EpochOrder(count: orderedExamples)
  }

  deinit {
    memories.deinitialize(count: plan.workerCount)
    memories.deallocate()
    placements.deinitialize(count: plan.workerCount)
    placements.deallocate()
    losses.deallocate()
    correct.deallocate()
    topFive.deallocate()
    meetingSums.deallocate()
  }
}

extension SharedState {
  /// Whether evaluations count the hits among the five likeliest classes.
  var ranksClasses: Bool { plan.network.classes >= 10 }
  /// The first replica, which outside of a run represents all of them.
  var weights: UnsafeMutablePointer<Float> { replicas[0].weights }
  var prepared: UnsafeMutablePointer<Float> { replicas[0].prepared }

  /// Clears the shared memory, each page by a worker of its node: if placing it was refused, the first touch decides.
  ///
  /// Call it once, before weights are set.
  func clear(_ group: WorkerGroup) throws {
    try group.run { [self] context in
      let replica = UnsafeMutableRawBufferPointer(mutating: replicas[context.group].bytes)
      let own = part(context.member, of: context.members.count, UnsafeRawBufferPointer(replica))
      let state = plan.buckets.enumerated().flatMap {
        optimizer.bytes($1.segments[context.index], bucket: $0)
      }
      for bytes in [own] + state {
        UnsafeMutableRawBufferPointer(mutating: bytes).initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
  }
}

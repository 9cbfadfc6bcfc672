import Collectives
import Diagnostics
import Network
import Runs
import Storage

/// A plan at work: the memory that its workers share, placed and cleared, with weights in it, and the workers.
///
/// Everything that runs a network on workers starts from one: training, evaluation, prediction, trials and benchmarks.
package final class Session: Sendable {
  /// What the weights are at first.
  package enum Start: Sendable {
    /// Drawn from the configuration's seed, see `Initializer`, but for what is `measured` on the training set; momentum 0.
    case random(measured: [NamedTensor] = [])
    /// Given weights in their public layouts; `source` is what errors call them, such as their file.
    case weights([NamedTensor], source: String)
    /// Weights and momentum after a checkpoint's last step.
    case checkpoint(Checkpoint)
    /// What rank 0 of the job starts with, and whether that comes with a state of the optimizer; for the other ranks.
    case ofFirstRank(hasState: Bool)

    /// The checkpoint, the weights, or neither.
    init(
      checkpoint: Checkpoint?, weights: [NamedTensor]?, source: String, measured: @autoclosure () -> [NamedTensor]
    ) {
      self =
        if let checkpoint { .checkpoint(checkpoint) } else if let weights { .weights(weights, source: source) } else {
          .random(measured: measured())
        }
    }

    fileprivate var hasState: Bool {
      switch self {
      case .random, .weights: false
      case .checkpoint: true
      case .ofFirstRank(let hasState): hasState
      }
    }
  }

  package let plan: RunPlan
  let shared: SharedState
  let group: WorkerGroup
  let normalization: Normalization
  /// `nil` if training images are not changed.
  let augmentation: Augmentation?
  /// With the other ranks of a job; `nil` in a process that is alone.
  let exchange: RankExchange?

  /// Place data sets first: clearing touches the memory that `PlacedDataset` counts as free.
  ///
  /// - Parameters: as of `SharedState`, and
  ///   - job: that `plan` is for, if it is for one: all ranks start with what rank 0 starts with.
  ///   - snapshot: where rank 0 has the optimizer's whole state on its way from a checkpoint, and to one.
  /// - Throws: `UserError` if there is not enough memory or threads, or the weights do not fit the network.
  package init(
    _ plan: RunPlan, start: Start, orderedExamples: Int = 0, evaluatedExamples: Int = 0, keptSteps: Int = 1,
    job: Job? = nil, snapshot: Snapshot? = nil
  ) throws {
    self.plan = plan
    shared = try SharedState(
      plan, orderedExamples: orderedExamples, evaluatedExamples: evaluatedExamples, keptSteps: keptSteps)
    group = try WorkerGroup(placement: plan.placement)
    if let job, let ranks = plan.ranks {
      exchange = try RankExchange(
        plan, ranks, shared, job, spinPauses: group.barrier.spinPauses, snapshot: snapshot,
        evaluatedShards: plan.shards.shardCount(batchSize: evaluatedExamples))
    } else {
      exchange = nil
    }
    normalization = Normalization(plan.configuration.data, channels: plan.network.model.input.channels)
    augmentation = Augmentation(plan.configuration, normalization)
    try shared.clear(group)
    switch start {
    case .random(let measured):
      try shared.initializeWeights(seed: plan.configuration.seed, group: group)
      shared.replaceWeights(measured)
      shared.average?.start(from: shared.weights)
    case .weights(let tensors, let source):
      try shared.setWeights(tensors, source: source)
      shared.average?.start(from: shared.weights)
    case .checkpoint(let checkpoint): try shared.restore(checkpoint, over: exchange?.snapshot)
    case .ofFirstRank: break
    }
    try exchange?.shareStart(hasState: start.hasState)
  }

  /// Runs `body` once in every worker, with its own memory and prepared weights, and waits for all.
  ///
  /// - Throws: as `WorkerGroup.run`.
  package func run(_ body: @escaping @Sendable (borrowing Worker) throws -> Void) throws {
    try group.run { [self] context in
      let worker = try Worker(context, self)
      try worker.loadWeights()
      try body(worker)
    }
  }
}

import Collectives
import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Runs
import Storage

/// Data-parallel training of one configuration.
///
/// The weights after any number of steps depend on configuration, data and seed alone: gradients are summed over shards
/// in one fixed tree, whatever the number and placement of workers.
package final class Trainer {
  package let plan: RunPlan
  let session: Session
  private let training: ImageDataset
  private let test: ImageDataset?
  private let data: TrainingData
  /// Where the state is copied to for checkpoints; rank 0 of a job writes them, for the others there is none.
  private let snapshot: Snapshot?
  /// The job that the process is a rank of; `nil` if it is alone.
  private let job: Job?
  /// For checkpoints in the layouts of the file.
  private let reserve: MemoryReserve
  private let dataFingerprint: String
  /// What the run's ledger begins with; `nil` without one, and for ranks of a job but the first.
  package let ledgerStart: LedgerStart?
  /// Where an earlier part of the run left off.
  private let start: ProgressState
  private let initialWeightsDigest: String?
  /// Whether the checkpoint that the run resumes from was taken under exactly this configuration.
  private let isStartCurrent: Bool
  /// The last checkpoint that was published, by the steps done.
  private var lastCheckpoint: Int?
  package var options = RunOptions()

  /// - Parameters:
  ///   - initialWeights: replaces the random initial weights; must name every parameter once.
  ///   - weightsSource: what errors call the initial weights, such as their file.
  ///   - checkpoint: training continues after its last step; the caller has compared its configuration. Of a job, rank 0's
  ///     alone counts, as do its initial weights.
  ///   - job: the process trains as a rank of it: all ranks make a trainer, and all run it.
  /// - Throws: `UserError` if data and configuration do not fit together or the machine refuses.
  package init(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, training: ImageDataset,
    test: ImageDataset?, initialWeights: [NamedTensor]?, weightsSource: String = "weights",
    resuming checkpoint: Checkpoint? = nil, job: Job? = nil
  ) throws {
    guard training.count > 0 else {
      throw UserError(.badData, "data.train", "the training set has 0 examples; at least 1 is needed")
    }
    let test = test.flatMap { $0.count > 0 ? $0 : nil }
    dataFingerprint = DataFingerprint.of(training: training, test: test)
    let place = try job?.place(of: configuration, topology, training.count, dataFingerprint: dataFingerprint)
    let checkpoint = try job?.share(checkpoint) ?? checkpoint
    plan = try RunPlan(
      configuration, topology: topology, kernels: kernels, exampleCount: training.count, place: place)
    try checkDataset(training, "data.train", plan.network)
    try plan.requireTrainable()
    if let test { try checkDataset(test, "data.test", plan.network) }
    self.training = training
    self.job = job
    try configuration.training.requireMetrics(hasTestSet: test != nil, classes: plan.network.classes)
    self.test = test
    try checkpoint?.requireFits(
      plan.shards, configuration.training, dataFingerprint: dataFingerprint,
      sampled: DataFingerprint.sample(training: training, test: test))
    data = try TrainingData(training: training, test: test, plan)
    let isFirst = (place?.rank ?? 0) == 0
    snapshot = isFirst ? try Snapshot(plan.memory) : nil
    session = try Session(
      plan,
      start: isFirst
        ? Session.Start(
          checkpoint: checkpoint, weights: initialWeights, source: weightsSource,
          measured: PatchWhitening.weights(of: plan.network, training, configuration.data))
        : .ofFirstRank(hasState: checkpoint != nil),
      orderedExamples: training.count, evaluatedExamples: test?.count ?? 0, job: job, snapshot: snapshot)
    start = checkpoint?.progress ?? ProgressState()
    lastCheckpoint = checkpoint?.step
    initialWeightsDigest =
      if let checkpoint { checkpoint.initialWeights } else { initialWeights.map { StateDigest.ofWeights($0) } }
    isStartCurrent = checkpoint.map { $0.configuration == configuration.jsonValue } ?? true
    ledgerStart =
      isFirst ? session.ledgerStart(training: training, test: test, knowsWeights: checkpoint == nil) : nil
    reserve = try MemoryReserve(byteCount: plan.memory.checkpointBytes, purpose: "writing checkpoints")
  }

  /// What `run` is about to do.
  package var description: RunDescription {
    plan.description(
      trainingExamples: training.count, testExamples: test?.count ?? 0, firstStep: start.stepsDone,
      dataNotes: [training, test].compactMap { $0?.note })
  }

  /// Trains to the end, or until `stop` is requested; `observer` is called on the calling thread.
  ///
  /// Checkpoints are published when they are due by the configuration, on request, and at the end or stop of the run; in a
  /// job by rank 0 alone.
  /// - Throws: the first error of a worker or of `observer`; `UserError(.diverged)` for a loss or weights that are not
  ///   finite, naming step, layers and the last checkpoint.
  package func run(stop: StopFlag, observer: (TrainingEvent) throws -> Void) throws -> TrainingSummary {
    try observer(.started(description))
    let channel = RunChannel(stop: stop, snapshot: snapshot)
    let loop = TrainingLoop(
      session: session, data: data, channel: channel, start: start, options: options)
    // Its time begins before the workers', so that a run that has ended by their time has ended by the recorded one.
    var progress = ProgressAggregator(plan, resuming: start)
    session.exchange?.start()
    defer { session.exchange?.stop() }
    let running = session.group.start { context in try loop.run(context) }
    let ledger = ledgerStart.map { _ in LedgerEntries(plan, exampleCount: training.count) }
    var watchdog = Watchdog(
      session.shared.beats, session.group.log, plan.placement, seconds: options.watchdogSeconds)
    var waits = WaitSampler(session.shared.beats)
    do {
      var isFinished = false
      while !isFinished {
        // The first step is reported at once; later ones only from time to time.
        isFinished = running.wait(timeoutMilliseconds: progress.state.stepsDone == start.stepsDone ? 2 : 20)
        while let totals = channel.ring.pop() {
          if totals.kind == .step, let entry = ledger?.entry(totals) { try observer(.ledger(entry)) }
          try progress.add(totals, observer)
          if totals.kind == .snapshot, let snapshot {
            reserve.release()
            try publish(snapshot, progress.state, observer)
            reserve.keep()
          }
        }
        waits.look()
        try progress.showProgress(mostWaiting: waits.most, observer)
        if !isFinished { for worker in watchdog.look() { try observer(.stalled(worker)) } }
      }
    } catch {
      // The observer failed: let the workers finish their step, then pass the error on.
      stop.request()
      while !running.wait(timeoutMilliseconds: 20) { while channel.ring.pop() != nil {} }
      throw error
    }
    do { try running.result() } catch let error as UserError where error.category == .diverged {
      throw described(error)
    }
    try session.exchange?.end()
    reserve.release()
    let interrupted =
      stop.isRequested && progress.stepsDone < plan.totalSteps && !progress.state.isOver(plan.configuration.training)
    // A run with checkpoints ends with one, which records that it has ended.
    let isKept = lastCheckpoint == progress.stepsDone && (isStartCurrent || progress.stepsDone > start.stepsDone)
    if snapshot != nil, !isKept, interrupted || plan.configuration.checkpoint.isOn || lastCheckpoint != nil {
      let state = session.shared.namedState(session.exchange?.snapshot)
      try publish(checkpoint(session.shared.namedWeights(), state, progress.state), observer)
    }
    var summary = progress.summary(
      workers: plan.ranks?.place.allWorkers ?? plan.workerCount, digest: WeightsDigest.of(weights()),
      interrupted: interrupted)
    summary.ranks = job?.count
    summary.placement = PlacementReport(session.shared, data.sets, threadNotes: running.notes)
    return summary
  }

  /// The parameters in layer order, weight before bias, in their public layouts; their average where the run keeps one.
  package func weights() -> [NamedTensor] { session.shared.namedResult() }

  /// The parameters as they are trained, which `weights` averages where the run asks for it.
  package func trainedWeights() -> [NamedTensor] { session.shared.namedWeights() }

  /// What is kept beside the weights, slot by slot, under the parameters' names: the optimizer's state, and the average. Of a
  /// job, rank 0 knows it after a run, and others a part.
  package func state() -> [SlotTensors] { session.shared.namedState(session.exchange?.snapshot) }

  /// The digest of the weights as a ledger has it; not during a run. `nil` without a ledger.
  package func weightsTreeDigest() -> SHA256Digest? { session.weightsTreeDigest() }

  // MARK: Checkpoints

  private func publish(
    _ snapshot: Snapshot, _ progress: ProgressState, _ observer: (TrainingEvent) throws -> Void
  ) throws {
    let table = plan.network.parameters
    let taken = checkpoint(table.named(snapshot.weights), snapshot.state(table), progress)
    snapshot.release()
    try publish(taken, observer)
  }

  private func checkpoint(
    _ parameters: [NamedTensor], _ state: [SlotTensors], _ progress: ProgressState
  ) -> Checkpoint {
    Checkpoint(
      step: progress.stepsDone, parameters: parameters, state: state,
      configuration: plan.configuration.jsonValue, dataFingerprint: dataFingerprint, progress: progress,
      initialWeights: initialWeightsDigest)
  }

  /// - Throws: `UserError(.diverged)` instead of publishing a state that is not finite.
  private func publish(_ checkpoint: Checkpoint, _ observer: (TrainingEvent) throws -> Void) throws {
    if let name = checkpoint.nonFiniteParameter {
      let error = UserError(.diverged, "step \(checkpoint.step)", "\(name) is no longer finite")
      throw described(error, layers: [name])
    }
    try observer(.checkpoint(checkpoint))
    lastCheckpoint = checkpoint.step
  }

  /// Adds the layers that are not finite and the last good checkpoint.
  private func described(_ error: UserError, layers: [String]? = nil) -> UserError {
    let names = layers ?? session.shared.nonFiniteParameters()
    let all = names.count == plan.network.parameters.parameters.count
    let layersText =
      names.isEmpty ? "" : all ? "; no layer is finite" : "; not finite: \(names.joined(separator: ", "))"
    let good =
      lastCheckpoint.map { "the last good checkpoint is \(Checkpoint.fileName(step: $0))" } ?? "there is no checkpoint"
    return UserError(
      error.category, error.subject, "\(error.message)\(layersText)",
      hint: (error.hint ?? "a smaller training.optimizer.lr usually helps") + "; \(good)")
  }
}

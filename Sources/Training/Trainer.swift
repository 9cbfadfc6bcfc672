import Collectives
import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Storage

/// Data-parallel training of one configuration.
///
/// The weights after any number of steps depend on configuration, data and seed alone: gradients are summed over shards
/// in one fixed tree, whatever the number and placement of workers.
package final class Trainer {
  package let plan: RunPlan
  let shared: SharedState
  private let training: ImageDataset
  private let test: ImageDataset?
  private let placedData: (training: PlacedDataset, test: PlacedDataset?)
  private let group: WorkerGroup
  private let normalization: Normalization
  private let snapshot: Snapshot
  /// For checkpoints in the layouts of the file.
  private let reserve: MemoryReserve
  private let dataFingerprint: String
  /// Where an earlier part of the run left off.
  private let start: ProgressState
  /// The last checkpoint that was published, by the steps done.
  private var lastCheckpoint: Int?
  /// For tests: a byte that all worker memory is filled with beforehand, and what `TrainingLoop.onPhase` says.
  var memoryFill: UInt8?
  var onPhase: (@Sendable (WorkerPhase, Int, Int) -> Void)?
  var watchdogSeconds = Watchdog.defaultSeconds
  /// Whether the run is to stop after its first step where threads or memory are not where the plan says.
  package var isPlacementStrict = false

  /// - Parameters:
  ///   - initialWeights: replaces the random initial weights; must name every parameter once.
  ///   - weightsSource: what errors call the initial weights, such as their file.
  ///   - kernels: the build to use instead of the selected one; see `RunPlan`.
  ///   - checkpoint: goes on behind its last step; its configuration was compared by the caller.
  /// - Throws: `UserError` where data and configuration do not fit together or the machine refuses.
  package init(
    configuration: RunConfiguration, topology: Topology, training: ImageDataset, test: ImageDataset?,
    initialWeights: [NamedTensor]?, weightsSource: String = "weights", kernels: KernelTable? = nil,
    resuming checkpoint: Checkpoint? = nil
  ) throws {
    guard training.count > 0 else {
      throw UserError(.badData, "data.train", "the training set has 0 examples; at least 1 is needed")
    }
    plan = try RunPlan(configuration, topology: topology, exampleCount: training.count, kernels: kernels)
    try checkDataset(training, "data.train", plan.network)
    if let test { try checkDataset(test, "data.test", plan.network) }
    self.training = training
    let test = test.flatMap { $0.count > 0 ? $0 : nil }
    self.test = test
    dataFingerprint = DataFingerprint.of(training: training, test: test)
    shared = try SharedState(plan, exampleCount: training.count, testExampleCount: test?.count ?? 0)
    let placed = (try PlacedDataset(training, plan), try test.map { [plan] in try PlacedDataset($0, plan) })
    placedData = placed
    snapshot = try Snapshot(plan)
    group = try WorkerGroup(placement: plan.placement)
    try shared.clear(group)
    start = checkpoint?.progress ?? ProgressState()
    lastCheckpoint = checkpoint?.step
    if let checkpoint {
      try checkpoint.requireFits(plan, dataFingerprint: dataFingerprint)
      try shared.restore(checkpoint)
    } else if let initialWeights {
      try shared.setWeights(initialWeights, source: weightsSource)
    } else {
      try shared.initializeWeights(seed: configuration.seed, group: group)
    }
    normalization = Normalization(configuration.data, channels: training.channels)
    reserve = try MemoryReserve(byteCount: MemoryNeeds.checkpointBytes(plan), purpose: "writing checkpoints")
  }

  /// What `run` is about to do.
  package var description: RunDescription {
    plan.description(
      trainingExamples: training.count, testExamples: test?.count ?? 0, firstStep: start.stepsDone)
  }

  /// Trains to the end, or until `stop` is requested; `observer` is called on the calling thread.
  ///
  /// Checkpoints are published when they are due by the configuration, on request, and at the end or stop of the run.
  /// - Throws: the first error of a worker or of `observer`; `UserError(.diverged)` for a loss or weights that are not
  ///   finite, naming step, layers and the last checkpoint.
  package func run(stop: StopFlag, observer: (TrainingEvent) throws -> Void) throws -> TrainingSummary {
    try observer(.started(description))
    let ring = StepRing()
    var loop = TrainingLoop(
      plan: plan, shared: shared, training: placedData.training, test: placedData.test, normalization: normalization,
      ring: ring, stop: stop)
    loop.firstStep = start.stepsDone
    loop.memoryFill = memoryFill
    loop.snapshot = snapshot
    loop.onPhase = onPhase
    loop.isStrict = isPlacementStrict
    let running = group.start { [loop] context in try loop.run(context) }
    var progress = ProgressAggregator(plan, resuming: start)
    var watchdog = Watchdog(shared.beats, group.log, plan.placement, seconds: watchdogSeconds)
    do {
      var isFinished = false
      while !isFinished {
        // The first step is reported at once, the others are worth waking up for now and then.
        isFinished = running.wait(timeoutMilliseconds: progress.state.stepsDone == start.stepsDone ? 2 : 20)
        while let totals = ring.pop() {
          try progress.add(totals, observer)
          if totals.kind == .snapshot {
            reserve.release()
            try publishSnapshot(progress.state, observer)
            reserve.keep()
          }
        }
        try progress.showProgress(observer)
        if !isFinished { for worker in watchdog.look() { try observer(.stalled(worker)) } }
      }
    } catch {
      // The observer failed: let the workers finish their step, then pass the error on.
      stop.request()
      while !running.wait(timeoutMilliseconds: 20) { while ring.pop() != nil {} }
      throw error
    }
    do { try running.result() } catch let error as UserError where error.category == .diverged {
      throw described(error)
    }
    reserve.release()
    let interrupted = stop.isRequested && progress.stepsDone < plan.totalSteps
    if (interrupted || plan.configuration.checkpoint.isOn), lastCheckpoint != progress.stepsDone {
      try publish(checkpoint(shared.weights, shared.velocity, progress.state), observer)
    }
    var summary = progress.summary(
      workers: plan.workerCount, digest: WeightsDigest.of(weights()), interrupted: interrupted)
    summary.placement = PlacementReport(
      shared, [placedData.training, placedData.test].compactMap { $0 }, threadNotes: running.notes)
    return summary
  }

  /// The parameters in layer order, weight before bias, in their public layouts.
  package func weights() -> [NamedTensor] { shared.namedWeights() }

  // MARK: Checkpoints

  private func publishSnapshot(_ progress: ProgressState, _ observer: (TrainingEvent) throws -> Void) throws {
    let taken = checkpoint(snapshot.weights, snapshot.velocity, progress)
    snapshot.release()
    try publish(taken, observer)
  }

  private func checkpoint(
    _ weights: UnsafePointer<Float>, _ velocity: UnsafePointer<Float>, _ progress: ProgressState
  ) -> Checkpoint {
    let table = plan.network.parameters
    return Checkpoint(
      step: progress.stepsDone, parameters: table.named(weights), velocity: table.named(velocity),
      configuration: plan.configuration.jsonValue, dataFingerprint: dataFingerprint, progress: progress)
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
    let names = layers ?? shared.nonFiniteParameters()
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

/// Refuses a data set whose images or labels the network cannot take.
func checkDataset(_ dataset: ImageDataset, _ key: String, _ network: NetworkPlan) throws {
  let shape = ImageShape(height: dataset.height, width: dataset.width, channels: dataset.channels)
  guard shape == network.model.input else {
    throw UserError(
      .badData, key, "images are \(shape) (height×width×channels), but model.input is \(network.model.input)")
  }
  guard dataset.classCount <= network.classes else {
    throw UserError(
      .badData, key,
      "labels reach \(dataset.classCount - 1), but the network has \(network.classes) outputs (labels 0…\(network.classes - 1))",
      hint: "give the last dense layer at least \(dataset.classCount) units")
  }
}

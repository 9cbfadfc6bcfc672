import Machine
import Runs

/// Turns the totals of single steps into the events a run publishes.
struct ProgressAggregator {
  private let plan: RunPlan
  private(set) var state: ProgressState
  private var last = StepTotals()
  /// Since this part of the run began, and since progress was shown.
  private var watch: Stopwatch
  private var sinceShown: Stopwatch?
  private var shownSteps: Int
  /// What earlier parts of the run took.
  private let earlierNanoseconds: UInt64

  /// - Parameter state: where an earlier part of the run left off.
  init(
    _ plan: RunPlan, resuming state: ProgressState = ProgressState(), now: UInt64 = monotonicNanoseconds()
  ) {
    self.plan = plan
    self.state = state
    shownSteps = state.stepsDone
    watch = Stopwatch(now: now)
    earlierNanoseconds = state.elapsedNanoseconds
  }

  var stepsDone: Int { state.stepsDone }

  /// Takes one entry of the ring; publishes an interval or epoch that it ends.
  mutating func add(
    _ totals: StepTotals, now: UInt64 = monotonicNanoseconds(), _ observer: (TrainingEvent) throws -> Void
  ) throws {
    state.elapsedNanoseconds = elapsed(now)
    switch totals.kind {
    case .step:
      last = totals
      state.add(totals)
      if state.stepsDone % plan.configuration.logging.everySteps == 0 {
        state.recordCount += 1
        try observer(.step(state.interval.record(last, elapsed: state.elapsedNanoseconds), progress: false))
        state.interval = ProgressState.Sums()
      }
    case .epochEnd:
      let means = state.epoch.record(last, elapsed: state.elapsedNanoseconds)
      state.recordCount += 1
      state.endEpoch(totals, plan.configuration.training)
      try observer(
        .epoch(
          EpochRecord(
            means: means, validationLoss: state.validationLoss, validationAccuracy: state.validationAccuracy,
            validationTopFive: state.validationTopFive)))
    case .evaluation: state.setValidation(totals)
    case .snapshot: break
    }
  }

  /// At most ten times a second: where the epoch stands.
  mutating func showProgress(
    mostWaiting: WaitingWorker? = nil, now: UInt64 = monotonicNanoseconds(), _ observer: (TrainingEvent) throws -> Void
  ) throws {
    let wait = sinceShown?.look(now: now) ?? .max
    guard state.epoch.steps > 0, stepsDone != shownSteps, wait >= 100_000_000 else { return }
    sinceShown = Stopwatch(now: now)
    shownSteps = stepsDone
    var record = state.epoch.record(last, elapsed: elapsed(now))
    record.mostWaiting = mostWaiting
    try observer(.step(record, progress: true))
  }

  private mutating func elapsed(_ now: UInt64) -> UInt64 { earlierNanoseconds + watch.look(now: now) }

  mutating func summary(workers: Int, digest: String, interrupted: Bool) -> TrainingSummary {
    let time = Double(state.totalNanoseconds) * 1e-9
    let elapsed = elapsed(monotonicNanoseconds())
    return TrainingSummary(
      epochs: state.epochsDone, steps: stepsDone, totalSteps: plan.totalSteps,
      loss: state.epoch.steps > 0 ? state.epoch.record(last, elapsed: 0).loss : state.lastEpochLoss,
      validationLoss: state.validationLoss, validationAccuracy: state.validationAccuracy,
      validationTopFive: state.validationTopFive,
      imagesPerSecond: state.totalNanoseconds == 0 ? 0 : Double(state.totalExamples) / time,
      elapsedSeconds: Double(elapsed) * 1e-9, workers: workers, weightsDigest: digest, interrupted: interrupted)
  }
}

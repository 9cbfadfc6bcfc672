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
      state.interval.add(totals)
      state.epoch.add(totals)
      state.stepsDone = totals.step + 1
      state.totalExamples += totals.examples
      state.totalNanoseconds += totals.stepNanoseconds
      if state.stepsDone % plan.configuration.logging.everySteps == 0 {
        state.recordCount += 1
        try observer(.step(state.interval.record(last, elapsed: state.elapsedNanoseconds), progress: false))
        state.interval = ProgressState.Sums()
      }
    case .epochEnd:
      state.epochsDone += 1
      state.recordCount += 1
      state.endEpoch(totals)
      try observer(
        .epoch(
          EpochRecord(
            means: state.epoch.record(last, elapsed: state.elapsedNanoseconds), validationLoss: state.validationLoss,
            validationAccuracy: state.validationAccuracy)))
      state.epoch = ProgressState.Sums()
    case .snapshot: break
    }
  }

  /// At most ten times a second: where the epoch stands.
  mutating func showProgress(
    now: UInt64 = monotonicNanoseconds(), _ observer: (TrainingEvent) throws -> Void
  ) throws {
    let wait = sinceShown?.look(now: now) ?? .max
    guard state.epoch.steps > 0, stepsDone != shownSteps, wait >= 100_000_000 else { return }
    sinceShown = Stopwatch(now: now)
    shownSteps = stepsDone
    try observer(.step(state.epoch.record(last, elapsed: elapsed(now)), progress: true))
  }

  private mutating func elapsed(_ now: UInt64) -> UInt64 { earlierNanoseconds + watch.look(now: now) }

  mutating func summary(workers: Int, digest: String, interrupted: Bool) -> TrainingSummary {
    let time = Double(state.totalNanoseconds) * 1e-9
    let elapsed = elapsed(monotonicNanoseconds())
    return TrainingSummary(
      epochs: state.epochsDone, steps: stepsDone, totalSteps: plan.totalSteps,
      loss: state.epoch.steps > 0 ? state.epoch.record(last, elapsed: 0).loss : state.lastEpochLoss,
      validationLoss: state.validationLoss, validationAccuracy: state.validationAccuracy,
      imagesPerSecond: state.totalNanoseconds == 0 ? 0 : Double(state.totalExamples) / time,
      elapsedSeconds: Double(elapsed) * 1e-9, workers: workers, weightsDigest: digest, interrupted: interrupted)
  }
}

extension ProgressState {
  /// Takes the result on the test set, if there is one.
  fileprivate mutating func endEpoch(_ totals: StepTotals) {
    let n = Double(totals.testExamples)
    lastEpochLoss = epoch.loss / Double(max(epoch.examples, 1))
    validationLoss = totals.testExamples > 0 ? totals.testLoss / n : nil
    validationAccuracy = totals.testExamples > 0 ? Double(totals.testCorrect) / n : nil
    if let accuracy = validationAccuracy, accuracy > bestValidationAccuracy ?? -1 {
      bestValidationAccuracy = accuracy
      bestEpoch = totals.epoch + 1
    }
  }
}

extension ProgressState.Sums {
  fileprivate mutating func add(_ t: StepTotals) {
    steps += 1
    examples += t.examples
    loss += t.loss
    correct += t.correct
    stepNanoseconds += t.stepNanoseconds
    reduceNanoseconds += t.reduceNanoseconds
    barrierNanoseconds += t.barrierNanoseconds
    meetingsNanoseconds += t.meetingsNanoseconds
  }

  /// The means, of steps that end with `last`.
  fileprivate func record(_ last: StepTotals, elapsed: UInt64) -> StepRecord {
    let n = Double(max(examples, 1))
    let count = Double(max(steps, 1)) * 1e6
    return StepRecord(
      epoch: last.epoch + 1, step: last.step + 1, stepInEpoch: last.stepInEpoch + 1, loss: loss / n,
      accuracy: Double(correct) / n, learningRate: last.learningRate,
      imagesPerSecond: stepNanoseconds == 0 ? 0 : Double(examples) / (Double(stepNanoseconds) * 1e-9),
      stepMilliseconds: Double(stepNanoseconds) / count, reduceMilliseconds: Double(reduceNanoseconds) / count,
      barrierMilliseconds: Double(barrierNanoseconds) / count,
      meetingsMilliseconds: Double(meetingsNanoseconds) / count, steps: steps, elapsedSeconds: Double(elapsed) * 1e-9)
  }
}

/// Turns the totals of single steps into the events a run publishes.
struct ProgressAggregator {
  private let plan: RunPlan
  private var interval = Accumulator()
  private var epoch = Accumulator()
  private var lastEpochLoss = 0.0
  private var validationLoss: Double?
  private var validationAccuracy: Double?
  private var totalExamples = 0
  private var totalNanoseconds: UInt64 = 0
  private(set) var stepsDone = 0
  private var epochsDone = 0
  private var lastShown: UInt64 = 0
  private var shownSteps = 0

  init(_ plan: RunPlan) { self.plan = plan }

  /// Sums over consecutive steps.
  private struct Accumulator {
    var steps = 0
    var examples = 0
    var loss = 0.0
    var correct = 0
    var step: UInt64 = 0
    var reduce: UInt64 = 0
    var barrier: UInt64 = 0
    var last = StepTotals()

    mutating func add(_ t: StepTotals) {
      steps += 1
      examples += t.examples
      loss += t.loss
      correct += t.correct
      step += t.stepNanoseconds
      reduce += t.reduceNanoseconds
      barrier += t.barrierNanoseconds
      last = t
    }

    var record: StepRecord {
      let n = Double(max(examples, 1))
      let count = Double(max(steps, 1)) * 1e6
      return StepRecord(
        epoch: last.epoch + 1, step: last.step + 1, stepInEpoch: last.stepInEpoch + 1, loss: loss / n,
        accuracy: Double(correct) / n, learningRate: last.learningRate,
        imagesPerSecond: step == 0 ? 0 : Double(examples) / (Double(step) * 1e-9),
        stepMilliseconds: Double(step) / count, reduceMilliseconds: Double(reduce) / count,
        barrierMilliseconds: Double(barrier) / count)
    }
  }

  /// Takes one entry of the ring; publishes the interval and the epoch where it ends one.
  mutating func add(_ totals: StepTotals, _ observer: (TrainingEvent) throws -> Void) throws {
    switch totals.kind {
    case .step:
      interval.add(totals)
      epoch.add(totals)
      stepsDone = totals.step + 1
      totalExamples += totals.examples
      totalNanoseconds += totals.stepNanoseconds
      if stepsDone % plan.configuration.logging.everySteps == 0 {
        try observer(.step(interval.record, progress: false))
        interval = Accumulator()
      }
    case .epochEnd:
      epochsDone += 1
      let n = Double(totals.testExamples)
      validationLoss = totals.testExamples > 0 ? totals.testLoss / n : nil
      validationAccuracy = totals.testExamples > 0 ? Double(totals.testCorrect) / n : nil
      lastEpochLoss = epoch.record.loss
      try observer(
        .epoch(
          EpochRecord(means: epoch.record, validationLoss: validationLoss, validationAccuracy: validationAccuracy)))
      epoch = Accumulator()
    }
  }

  /// At most ten times a second: where the epoch stands.
  mutating func showProgress(_ observer: (TrainingEvent) throws -> Void) throws {
    let now = monotonicNanoseconds()
    guard epoch.steps > 0, stepsDone != shownSteps, now - lastShown >= 100_000_000 else { return }
    lastShown = now
    shownSteps = stepsDone
    try observer(.step(epoch.record, progress: true))
  }

  func summary(workers: Int, digest: String, interrupted: Bool) -> TrainingSummary {
    TrainingSummary(
      epochs: epochsDone, steps: stepsDone, loss: epoch.steps > 0 ? epoch.record.loss : lastEpochLoss,
      validationLoss: validationLoss, validationAccuracy: validationAccuracy,
      imagesPerSecond: totalNanoseconds == 0 ? 0 : Double(totalExamples) / (Double(totalNanoseconds) * 1e-9),
      workers: workers, weightsDigest: digest, interrupted: interrupted)
  }
}

import Configuration
import Datasets
import Machine
import Diagnostics
import Runs
import Summation

/// What worker 0 does beyond its own part: it orders epochs, decides for all inside a step, and publishes results.
struct StepLeader {
  private let plan: RunPlan
  private let shared: SharedState
  private let channel: RunChannel
  private var schedule: CheckpointSchedule
  /// Of the step that was decided last.
  private var totals = StepTotals()
  /// What the run has come to, as the reporting thread will find it; but for times, which decide nothing but its end.
  private var progress: ProgressState
  /// Since this part of the run began, and what earlier parts took.
  private var watch: Stopwatch
  private let earlierNanoseconds: UInt64

  init(_ session: Session, _ channel: RunChannel, resuming progress: ProgressState) {
    self.progress = progress
    let now = monotonicNanoseconds()
    watch = Stopwatch(now: now)
    earlierNanoseconds = progress.elapsedNanoseconds
    plan = session.plan
    shared = session.shared
    self.channel = channel
    schedule = CheckpointSchedule(
      plan.configuration.checkpoint, stepsPerEpoch: plan.shards.stepsPerEpoch, now: now)
  }

  private var training: TrainingConfiguration { plan.configuration.training }

  /// While no worker reads it: puts the order of an epoch in place, and decides whether it comes, and with what rate.
  func order(epoch: Int) {
    shared.isOver = progress.isOver(training)
    shared.plateauRate = progress.plateau.rate
    shared.order.reorder(
      seed: plan.configuration.seed, epoch: epoch, shuffle: plan.configuration.training.shuffle)
  }

  /// Once all have computed: sums the batch's losses, and decides how the step ends. Others read it after the next barrier.
  ///
  /// - Parameter now: the time, by the worker's clock.
  mutating func decide(_ step: TrainingStep, now: UInt64) {
    // Shard losses are complete now and written again only after the next barrier.
    totals = Self.sums(of: step.shardCount, shared)
    totals.epoch = step.epoch
    totals.step = step.number
    totals.stepInEpoch = step.stepInEpoch
    totals.examples = step.batch.count
    totals.learningRate = plan.learningRate(step, plateau: shared.plateauRate)
    let stepsDone = step.number + 1
    progress.elapsedNanoseconds = earlierNanoseconds + watch.look(now: now)
    let isTimeUp = training.maxSeconds.map { Double(progress.elapsedNanoseconds) * 1e-9 >= $0 } ?? false
    let isInterrupted = channel.stop.isRequested
    shared.isLastStep = isInterrupted || isTimeUp
    shared.evaluatesEnd = !isInterrupted && (isTimeUp || stepsDone == plan.totalSteps)
    shared.lossIsFinite = totals.loss.isFinite
    shared.takesSnapshot =
      schedule.isDue(stepsDone: stepsDone, now: now, isRequested: channel.stop.takeCheckpointRequest())
      && shared.lossIsFinite && stepsDone < plan.totalSteps && !shared.isLastStep && channel.snapshot?.isFree == true
    if shared.takesSnapshot { schedule.wasTaken(now: now) }
  }

  /// Publishes the step that was decided last and has ended on `clock`.
  ///
  /// - Throws: `UserError(.diverged)` if the loss is not finite.
  mutating func publish(_ step: TrainingStep, _ clock: borrowing StepClock) throws {
    clock.enter(.publishing)
    totals.weightsDigest = step.digestsWeights ? shared.weightsTree?.root(plan.kernels) : nil
    totals.stepNanoseconds = clock.stepNanoseconds
    totals.reduceNanoseconds = clock.nanoseconds(.reduce)
    totals.barrierNanoseconds = clock.nanoseconds(.barrier)
    totals.meetingsNanoseconds = clock.nanoseconds(.meetings)
    progress.add(totals)
    channel.push(totals)
    guard totals.loss.isFinite else {
      throw UserError(
        .diverged, "step \(totals.step + 1)",
        "the training loss is \(totals.loss.plainText), not a finite number (epoch \(totals.epoch + 1), lr \(totals.learningRate))",
        hint: "a smaller training.optimizer.lr, or data scaled to about 0…1, usually helps")
    }
  }

  /// Publishes the end of an epoch after `step`, with the result on the test set if it has been evaluated.
  mutating func publishEpoch(after step: TrainingStep, _ test: ImageDataset?) {
    let end = testTotals(.epochEnd, after: step, test)
    progress.endEpoch(end, training)
    channel.push(end)
  }

  /// Publishes the result on the test set after the last `step`, inside an epoch.
  func publishEvaluation(after step: TrainingStep, _ test: ImageDataset) {
    channel.push(testTotals(.evaluation, after: step, test))
  }

  private func testTotals(_ kind: StepTotals.Kind, after step: TrainingStep, _ test: ImageDataset?) -> StepTotals {
    var end = StepTotals()
    if let test {
      let sums = Self.sums(of: plan.shards.shardCount(batchSize: test.count), shared)
      end.testExamples = test.count
      end.testLoss = sums.loss
      end.testCorrect = sums.correct
      end.testTopFive = sums.testTopFive
    }
    end.kind = kind
    end.epoch = step.epoch
    end.step = step.number
    return end
  }

  /// Says that the snapshot holds the state after all that was published, where the step took one.
  func announceSnapshot() {
    guard shared.takesSnapshot else { return }
    channel.snapshot?.take()
    var mark = StepTotals()
    mark.kind = .snapshot
    channel.push(mark)
  }

  /// Loss and hits summed over shards, the loss in the shard tree.
  private static func sums(of shardCount: Int, _ shared: SharedState) -> StepTotals {
    var totals = StepTotals()
    totals.loss = ShardTree.sum(shardCount) { shared.losses[$0] }
    for shard in 0..<shardCount { totals.correct += shared.correct[shard] }
    if shared.ranksClasses { totals.testTopFive = (0..<shardCount).reduce(0) { $0 + shared.topFive[$1] } }
    return totals
  }
}

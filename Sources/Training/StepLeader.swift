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

  init(_ session: Session, _ channel: RunChannel) {
    plan = session.plan
    shared = session.shared
    self.channel = channel
    schedule = CheckpointSchedule(
      plan.configuration.checkpoint, stepsPerEpoch: plan.shards.stepsPerEpoch, now: monotonicNanoseconds())
  }

  /// Puts the order of an epoch in place, while no worker reads it.
  func order(epoch: Int) {
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
    totals.learningRate = step.learningRate
    let stepsDone = step.number + 1
    shared.isLastStep = channel.stop.isRequested
    shared.lossIsFinite = totals.loss.isFinite
    shared.takesSnapshot =
      schedule.isDue(stepsDone: stepsDone, now: now, isRequested: channel.stop.takeCheckpointRequest())
      && shared.lossIsFinite && stepsDone < plan.totalSteps && !shared.isLastStep && channel.snapshot?.isFree == true
    if shared.takesSnapshot { schedule.wasTaken(now: now) }
  }

  /// Publishes the step that was decided last and has ended on `clock`.
  ///
  /// - Throws: `UserError(.diverged)` if the loss is not finite.
  mutating func publish(_ clock: borrowing StepClock) throws {
    clock.enter(.publishing)
    totals.stepNanoseconds = clock.stepNanoseconds
    totals.reduceNanoseconds = clock.nanoseconds(.reduce)
    totals.barrierNanoseconds = clock.nanoseconds(.barrier)
    totals.meetingsNanoseconds = clock.nanoseconds(.meetings)
    channel.push(totals)
    guard totals.loss.isFinite else {
      throw UserError(
        .diverged, "step \(totals.step + 1)",
        "the training loss is \(totals.loss.plainText), not a finite number (epoch \(totals.epoch + 1), lr \(totals.learningRate))",
        hint: "a smaller training.optimizer.lr, or data scaled to about 0…1, usually helps")
    }
  }

  /// Publishes the end of an epoch after `step`, with the result on the test set, which has been evaluated.
  func publishEpoch(after step: TrainingStep, _ test: ImageDataset?) {
    var end = StepTotals()
    if let test {
      let sums = Self.sums(of: plan.shards.shardCount(batchSize: test.count), shared)
      end.testExamples = test.count
      end.testLoss = sums.loss
      end.testCorrect = sums.correct
    }
    end.kind = .epochEnd
    end.epoch = step.epoch
    end.step = step.number
    channel.push(end)
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
    return totals
  }
}

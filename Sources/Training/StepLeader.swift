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
  /// With the other ranks of a job; `nil` in a process that is alone.
  private let exchange: RankExchange?
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
    exchange = session.exchange
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

  /// Before anything else of a step: names it to the other ranks.
  func begin(_ step: TrainingStep) { exchange?.begin(step) }

  /// What this process asks of the run after a step; a rank of a job tells it to the others.
  ///
  /// - Parameter now: the time, by the worker's clock.
  @discardableResult
  mutating func ask(_ step: TrainingStep, now: UInt64) -> StepRequests {
    progress.elapsedNanoseconds = earlierNanoseconds + watch.look(now: now)
    let requests = StepRequests(
      stops: channel.stop.isRequested,
      isTimeUp: training.maxSeconds.map { Double(progress.elapsedNanoseconds) * 1e-9 >= $0 } ?? false,
      wantsCheckpoint: schedule.isDue(
        stepsDone: step.number + 1, now: now, isRequested: channel.stop.takeCheckpointRequest()),
      hasRoom: channel.snapshot?.isFree == true)
    exchange?.blocks.requests = requests
    return requests
  }

  /// Once all have computed: sums the batch's losses, and decides how the step ends. Others read it after the next barrier.
  ///
  /// All ranks of a job have the same losses and requests, and decide alike.
  /// - Parameter now: the time, by the worker's clock.
  mutating func decide(_ step: TrainingStep, now: UInt64) {
    let requests = exchange?.blocks.requests ?? ask(step, now: now)
    // Shard losses are complete now and written again only after the next barrier.
    totals = Self.sums(of: step.shardCount, shared)
    totals.epoch = step.epoch
    totals.step = step.number
    totals.stepInEpoch = step.stepInEpoch
    totals.examples = step.batch.count
    totals.learningRate = plan.learningRate(step, plateau: shared.plateauRate)
    let stepsDone = step.number + 1
    shared.isLastStep = requests.stops || requests.isTimeUp
    shared.evaluatesEnd = !requests.stops && (requests.isTimeUp || stepsDone == plan.totalSteps)
    shared.lossIsFinite = totals.loss.isFinite
    shared.takesSnapshot =
      requests.wantsCheckpoint && shared.lossIsFinite && stepsDone < plan.totalSteps && !shared.isLastStep
      && requests.hasRoom
    if shared.takesSnapshot { schedule.wasTaken(now: now) }
    // What another rank asked for ends this one's run as if it had been asked itself.
    if requests.stops, exchange != nil { channel.stop.request() }
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
    totals.exchangeNanoseconds = clock.nanoseconds(.exchange)
    exchange?.blocks.weightsDigest = totals.weightsDigest
    exchange?.blocks.stepNanoseconds = totals.stepNanoseconds
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

import Collectives
import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Summation

/// What every worker does from the first step to the last; reads top to bottom.
///
///     prepare ─► ┌ compute ─┇─ sum ─┃─ reduce + update ─┃─ transpose ─┇ … ┐ ─► evaluate ─┃ … next epoch
///                └──────────────────── step ──────────────────────────────┘
///
/// ┃ is a barrier of all workers, ┇ one of those on the same memory node. With one node `sum` and its barrier are left out.
struct TrainingLoop: Sendable {
  let session: Session
  let data: TrainingData
  let channel: RunChannel
  /// Where the run starts, in steps since the start of training.
  var firstStep = 0
  var options = RunOptions()

  var plan: RunPlan { session.plan }
  var shared: SharedState { session.shared }

  func run(_ context: WorkerContext) throws {
    enter(.preparing, firstStep, context)
    var trace = ThreadTrace()
    let worker = try Worker(context, session, fill: options.memoryFill)
    let (training, test) = (try data.training.place(context), try data.test?.place(context))
    let settings = plan.configuration.training
    let stepsPerEpoch = plan.shards.stepsPerEpoch
    let totalSteps = settings.epochs * stepsPerEpoch
    let isFirst = context.index == 0
    var schedule = CheckpointSchedule(plan.configuration.checkpoint, stepsPerEpoch: stepsPerEpoch)
    try context.barrier.wait()
    try worker.loadWeights()
    let reductions = worker.reductions()

    var step = firstStep
    while step < totalSteps, !shared.isLastStep {
      let epoch = step / stepsPerEpoch
      let stepInEpoch = step % stepsPerEpoch
      if stepInEpoch == 0 || step == firstStep {
        if isFirst { shared.order.reorder(seed: plan.configuration.seed, epoch: epoch, shuffle: settings.shuffle) }
        try context.barrier.wait()
      }
      let rate = settings.learningRateSchedule.rate(
        base: settings.optimizer.learningRate, step: step, stepsPerEpoch: stepsPerEpoch, epochs: settings.epochs)

      let examples = plan.shards.batchRange(stepInEpoch: stepInEpoch).count
      let reduction = stepInEpoch == stepsPerEpoch - 1 ? reductions.last : reductions.full

      enter(.computing, step, context)
      let start = monotonicNanoseconds()
      worker.compute(training, stepInEpoch: stepInEpoch)
      let computed = monotonicNanoseconds()
      enter(.waiting, step, context)
      try context.groupBarrier.wait()

      enter(.reducing, step, context)
      let met = monotonicNanoseconds()
      var (summed, joined) = (met, met)
      if plan.groups.count > 1 {
        worker.sumInsideGroup(reduction)
        summed = monotonicNanoseconds()
        enter(.waiting, step, context)
        try context.barrier.wait()
        enter(.reducing, step, context)
        joined = monotonicNanoseconds()
      }
      var totals = StepTotals()
      if isFirst {
        // Shard losses are whole now and written again only after the next barrier.
        totals = self.totals(of: plan.program(stepInEpoch: stepInEpoch).shardCount)
        shared.isLastStep = channel.stop.isRequested
        shared.lossIsFinite = totals.loss.isFinite
        shared.takesSnapshot =
          schedule.isDue(stepsDone: step + 1, now: met, channel.stop) && shared.lossIsFinite && step + 1 < totalSteps
          && !shared.isLastStep && channel.snapshot?.isFree == true
        if shared.takesSnapshot { schedule.wasTaken(now: met) }
      }
      let outcome = worker.reduceAndUpdate(
        reduction, OptimizerStep(number: step + 1, examples: examples, learningRate: rate))
      let reduced = monotonicNanoseconds()
      enter(.waiting, step, context)
      try context.barrier.wait()
      enter(.transposing, step, context)
      let updated = monotonicNanoseconds()
      worker.prepareWeights()
      if shared.takesSnapshot { channel.snapshot?.copy(shared, worker.replica, worker: context.index) }
      // Where the loss is not finite, worker 0 ends the run in this step with a better message.
      if shared.lossIsFinite, let lost = outcome.lost { throw diverged(lost, step: step, rate) }
      let prepared = monotonicNanoseconds()
      enter(.waiting, step, context)
      try context.groupBarrier.wait()
      let end = monotonicNanoseconds()

      if let log = shared.timelines {
        var line = StepTimeline()
        (line.start, line.computed, line.met, line.summed) = (start, computed, met, summed)
        (line.joined, line.reduced, line.updated, line.prepared, line.end) = (joined, reduced, updated, prepared, end)
        line.optimizerNanoseconds = outcome.optimizerNanoseconds
        log.record(line, worker: context.index, step: step)
      }
      if isFirst {
        enter(.publishing, step, context)
        totals.epoch = epoch
        totals.step = step
        totals.stepInEpoch = stepInEpoch
        totals.examples = examples
        totals.learningRate = rate
        totals.stepNanoseconds = end - start
        totals.reduceNanoseconds = (summed - met) + (reduced - joined) + (prepared - updated)
        totals.barrierNanoseconds = (met - computed) + (joined - summed) + (updated - reduced) + (end - prepared)
        try publish(totals)
      }
      step += 1
      trace.look()
      if options.isPlacementStrict, step == firstStep + 1 {
        try placementRecord(worker, trace, context).requireMatch(plan.placement, worker: context.index)
      }
      if step % stepsPerEpoch == 0 { try finishEpoch(epoch, test, step: step, worker, context) }
      if isFirst, shared.takesSnapshot {
        channel.snapshot?.take()
        var mark = StepTotals()
        mark.kind = .snapshot
        channel.push(mark)
      }
    }
    shared.placements[context.index] = placementRecord(worker, trace, context)
  }

  /// Evaluates the test set over all workers and publishes the end of the epoch.
  private func finishEpoch(
    _ epoch: Int, _ test: ImageDataset?, step: Int, _ worker: borrowing Worker, _ context: WorkerContext
  ) throws {
    if let test {
      // Worker 0 has read the last step's losses when all have arrived here.
      enter(.waiting, step, context)
      try context.barrier.wait()
      enter(.evaluating, step, context)
      worker.evaluate(test, 0..<test.count)
      enter(.waiting, step, context)
      try context.barrier.wait()
    }
    guard context.index == 0 else { return }
    var end = StepTotals()
    if let test {
      let sums = totals(of: plan.shards.shardCount(batchSize: test.count))
      end.testExamples = test.count
      end.testLoss = sums.loss
      end.testCorrect = sums.correct
    }
    end.kind = .epochEnd
    end.epoch = epoch
    end.step = step - 1
    channel.push(end)
  }

  @inline(__always)
  private func enter(_ phase: WorkerPhase, _ step: Int, _ context: WorkerContext) {
    shared.beats.enter(phase, step: step, worker: context.index)
    options.onPhase?(phase, step, context.index)
  }

  /// The loss alone would not tell: a ReLU may turn what is no number into 0, and a gradient may overflow behind it.
  private func diverged(_ lost: LostWeight, step: Int, _ rate: Double) -> UserError {
    let parameter = plan.network.parameters.parameters.last { $0.offset <= lost.position }?.name ?? "a parameter"
    return UserError(
      .diverged, "step \(step + 1)",
      lost.gradientToo
        ? "the gradient of \(parameter) is not a finite number (lr \(rate))"
        : "\(parameter) is no longer finite behind this step's update (lr \(rate))")
  }

  /// Loss and hits summed over shards, the loss in the shard tree.
  private func totals(of shardCount: Int) -> StepTotals {
    var totals = StepTotals()
    totals.loss = ShardTree.sum(shardCount) { shared.losses[$0] }
    for shard in 0..<shardCount { totals.correct += shared.correct[shard] }
    return totals
  }

  /// - Throws: `UserError(.diverged)` where the loss is not finite.
  private func publish(_ totals: StepTotals) throws {
    channel.push(totals)
    guard totals.loss.isFinite else {
      throw UserError(
        .diverged, "step \(totals.step + 1)",
        "the training loss is \(totals.loss.plainText), not a finite number (epoch \(totals.epoch + 1), lr \(totals.learningRate))",
        hint: "a smaller training.optimizer.lr, or data scaled to about 0…1, usually helps")
    }
  }
}

extension LearningRateSchedule {
  /// The learning rate of a step, a pure function of its number.
  func rate(base: Double, step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    switch self {
    case .constant: base
    }
  }
}

import Collectives
import Datasets
import Diagnostics
import Machine
import Runs

/// What every worker does from the first step to the last; reads top to bottom.
///
///     start ─► ┌ compute ─┇─ sum ─┃─ reduce + update ─┃─ prepare ─┇ … ┐ ─► evaluate ─┃ … next epoch
///              └──────────────────── step ────────────────────────────┘
///
/// ┃ is a barrier of all workers, ┇ one of those on the same memory node. With one node `sum` and its barrier are left out;
/// between `reduce` and `update` there is a ┃ where the update depends on norms of the whole gradient;
/// `compute` has a ┃ of its own wherever a layer needs sums over the whole batch, see `Schedule`.
/// The phases' names and times are `StepPhase` and `StepClock`; worker 0's extra work is `StepLeader`.
struct TrainingLoop: Sendable {
  /// The most barriers of a step, without those that layers need.
  static let meetings = 6

  let session: Session
  let data: TrainingData
  let channel: RunChannel
  /// Where an earlier part of the run left off.
  var start = ProgressState()
  var options = RunOptions()

  var plan: RunPlan { session.plan }
  var shared: SharedState { session.shared }

  func run(_ context: WorkerContext) throws {
    let firstStep = start.stepsDone
    let clock = StepClock(
      shared.beats, shared.times, worker: context.index, step: firstStep, watcher: options.onPhase,
      trace: options.trace)
    var trace = ThreadTrace()
    let worker = try Worker(context, session, options)
    let (training, test) = (try data.training.place(context), try data.test?.place(context))
    var leader = context.index == 0 ? StepLeader(session, channel, resuming: start) : nil
    try context.barrier.wait()
    try worker.loadWeights()
    let reductions = worker.reductions()

    var number = firstStep
    while number < min(plan.totalSteps, options.lastStep ?? .max), !shared.isLastStep {
      let step = plan.step(number)
      if step.startsEpoch || number == firstStep {
        leader?.order(epoch: step.epoch)
        try clock.meet(context.barrier)
        if shared.isOver { break }
      }
      let reduction = step.endsEpoch ? reductions.last : reductions.full

      clock.begin(number, .computing)
      try worker.compute(training, step) { () throws(BarrierBroken) in
        try clock.meet(context.barrier, .sums)
        clock.enter(.computing)
      }
      let audited = shared.audit?.shard(in: step)
      if let audited {
        try clock.meet(context.barrier)
        if shared.audit?.auditor(of: audited, in: step) == context.index {
          clock.enter(.computing)
          try shared.audit?.compare(audited, shared.meetingSums, in: step)
        }
      }
      try clock.meet(context.groupBarrier, .group)
      if plan.groups.count > 1 {
        clock.enter(.summing)
        worker.sumInsideGroup(reduction)
        try clock.meet(context.barrier)
      }
      clock.enter(.reducing)
      leader?.decide(step, now: clock.now)
      worker.updateStatistics(step)
      let update = plan.optimizerStep(step, plateau: shared.plateauRate)
      let lost: LostWeight?
      if plan.readsNorms {
        worker.reduce(reduction)
        try clock.meet(context.barrier)
        clock.enter(.updating)
        lost = worker.update(reduction, update)
      } else {
        lost = worker.reduceAndUpdate(reduction, update, clock)
      }
      worker.updateAverage(step)
      try clock.meet(context.barrier)
      clock.enter(.preparing)
      worker.prepareWeights()
      if step.digestsWeights { worker.hashWeights() }
      if shared.takesSnapshot {
        clock.enter(.copying)
        channel.snapshot?.copy(shared, worker.replica, worker: context.index)
      }
      // If the loss is not finite, worker 0 ends the run in this step with a better message.
      if shared.lossIsFinite, let lost { throw diverged(lost, update) }
      // Worker 0 reads the parts of the weights' digest of all groups.
      if step.digestsWeights {
        try clock.meet(context.barrier)
      } else {
        try clock.meet(context.groupBarrier, .group)
      }
      clock.end()

      try leader?.publish(step, clock)
      trace.look()
      if options.isPlacementStrict, number == firstStep {
        try placementRecord(worker, trace, context).requireMatch(plan.placement, worker: context.index)
      }
      if step.endsEpoch {
        let evaluated = step.evaluates || shared.evaluatesEnd ? test : nil
        if let evaluated { try evaluate(evaluated, worker, context, clock) }
        leader?.publishEpoch(after: step, evaluated)
      } else if shared.evaluatesEnd, let test {
        try evaluate(test, worker, context, clock)
        leader?.publishEvaluation(after: step, test)
      }
      leader?.announceSnapshot()
      number += 1
    }
    shared.placements[context.index] = placementRecord(worker, trace, context)
  }

  /// Evaluates the test set over all workers, with the weights' average where there is one.
  private func evaluate(
    _ test: ImageDataset, _ worker: borrowing Worker, _ context: WorkerContext, _ clock: borrowing StepClock
  ) throws {
    // Once all have arrived here, worker 0 has read the last step's losses.
    try clock.meet(context.barrier)
    clock.enter(.evaluating)
    try exchangeAverage(worker, context)
    worker.evaluate(test, 0..<test.count)
    try clock.meet(context.barrier)
    try exchangeAverage(worker, context)
  }

  private func exchangeAverage(_ worker: borrowing Worker, _ context: WorkerContext) throws {
    guard shared.average != nil else { return }
    worker.exchangeAverage()
    try context.barrier.wait()
    worker.prepareWeights()
    try context.groupBarrier.wait()
  }

  /// The loss alone would not show it: a ReLU may turn a NaN into 0, and a gradient may overflow after it.
  private func diverged(_ lost: LostWeight, _ step: OptimizerStep) -> UserError {
    let parameter = plan.network.parameters.parameters.last { $0.offset <= lost.position }?.name ?? "a parameter"
    return UserError(
      .diverged, "step \(step.number)",
      lost.gradientToo
        ? "the gradient of \(parameter) is not a finite number (lr \(step.learningRate))"
        : "\(parameter) is no longer finite after this step's update (lr \(step.learningRate))")
  }
}

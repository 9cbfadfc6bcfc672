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
/// The ranks of a job exchange what they can behind `compute`, see `StepOverlap`.
/// The phases' names and times are `StepPhase` and `StepClock`; worker 0's extra work is `StepLeader`.
struct TrainingLoop: Sendable {
  /// The most barriers of a step, and waits for other ranks, without those that layers need.
  static func meetings(_ ranks: RankPlan?) -> Int { ranks == nil ? 6 : 18 }

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
    let ranks = session.exchange
    let reductions = worker.reductions(ranks)
    var overlap = StepOverlap(ranks)

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
      leader?.begin(step)
      overlap?.begin()
      try worker.compute(training, step) {
        overlap?.reached($0, worker, reduction, clock)
      } meet: { () throws(any Error) in
        if let ranks {
          try ranks.send(.meeting, context, clock)
        } else {
          try clock.meet(context.barrier, .sums)
        }
        clock.enter(.computing)
      }
      try overlap?.end(worker, clock)
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
      if let ranks {
        clock.enter(.summing)
        worker.sumInsideRank(reduction)
        overlap?.addRest(worker, reduction)
        leader?.ask(step, now: clock.now)
        try ranks.send(.sums, context, clock)
      }
      clock.enter(.reducing)
      leader?.decide(step, now: clock.now)
      worker.updateStatistics(step)
      let update = plan.optimizerStep(step, plateau: shared.plateauRate)
      var lost: LostWeight?
      if plan.readsNorms {
        worker.reduce(reduction)
        if let ranks { try ranks.send(.squares, context, clock) } else { try clock.meet(context.barrier) }
        clock.enter(.updating)
        lost = worker.update(reduction, update)
      } else {
        lost = worker.reduceAndUpdate(reduction, update, clock)
      }
      if let ranks {
        lost = try gather(lost, step, worker, ranks, &overlap, context, clock)
        worker.updateAverage(step)
      } else {
        worker.updateAverage(step)
        try clock.meet(context.barrier)
      }
      clock.enter(.preparing)
      worker.prepareWeights(of: overlap?.awaitsWeights == true ? 0..<plan.network.frontCount : nil)
      if step.digestsWeights { worker.hashWeights() }
      if shared.takesSnapshot {
        clock.enter(.copying)
        channel.snapshot?.copy(shared, worker.replica, worker: context.index)
        try ranks?.send(.state, context, clock)
      }
      // If the loss is not finite, worker 0 ends the run in this step with a better message.
      if shared.lossIsFinite, let lost {
        try overlap?.receiveWeights(worker, clock)
        throw diverged(lost, update)
      }
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

  /// Whether the second bucket's weights may come behind the next step: nothing reads them before its passes do. As worker 0
  /// has decided how the step ends, for which others wait.
  private func defersWeights(_ step: TrainingStep) -> Bool {
    let stepsDone = step.number + 1
    return !step.endsEpoch && !step.digestsWeights && stepsDone < min(plan.totalSteps, options.lastStep ?? .max)
      && !shared.isLastStep && !shared.takesSnapshot && !shared.evaluatesEnd && shared.lossIsFinite
      && shared.average == nil
  }

  /// Brings the new weights of all ranks into all replicas, but for those that come behind the next step.
  ///
  /// - Returns: the first weight of all that is no longer finite; `lost` is that of the worker's segment.
  private func gather(
    _ lost: LostWeight?, _ step: TrainingStep, _ worker: borrowing Worker, _ ranks: RankExchange,
    _ overlap: inout StepOverlap?, _ context: WorkerContext, _ clock: borrowing StepClock
  ) throws -> LostWeight? {
    ranks.enter(lost, worker: context.index)
    let defersDense = try ranks.sendWeights(context, clock, defersDense: defersWeights(step))
    if defersDense { overlap?.deferWeights() }
    clock.enter(.updating)
    for bucket in defersDense ? plan.buckets.prefix(1) : plan.buckets[...] {
      worker.copyWeights(ofOtherRanks: bucket)
    }
    if plan.groups.count > 1 { try clock.meet(context.groupBarrier, .group) }
    return ranks.lostWeight
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
    if let ranks = session.exchange {
      try ranks.send(.evaluation, context, clock)
    } else {
      try clock.meet(context.barrier)
    }
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

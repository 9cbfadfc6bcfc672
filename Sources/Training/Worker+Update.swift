import Collectives
import Network

/// From the gradients of the worker's shards to new weights: what it does with the others between barriers.
extension Worker {
  /// How the worker adds with the others over a full batch and over the ragged last one; once all workers have memory.
  func reductions(_ exchange: RankExchange?) -> (full: StepReduction, last: StepReduction) {
    func reduction(_ program: ReductionProgram, over transport: any Transport) -> SegmentReduction {
      SegmentReduction(program, group: context.group, over: transport, add: plan.kernels.add)
    }
    func reduction(_ own: ReductionProgram, _ program: ReductionProgram, _ inboxes: [RankInbox]) -> StepReduction {
      StepReduction(
        inRank: own.nodes.isEmpty ? nil : reduction(own, over: shared.transport),
        all: inboxes.map { reduction(program, over: $0) })
    }
    guard let exchange else {
      func alone(_ program: ReductionProgram) -> StepReduction {
        let own = reduction(program, over: shared.transport)
        return StepReduction(inRank: own, all: [own])
      }
      return (alone(plan.fullBatch), alone(plan.lastBatch))
    }
    let (programs, inboxes) = (exchange.ranks.programs, exchange.inboxes)
    return (
      reduction(plan.fullBatch, programs.full, inboxes.full), reduction(plan.lastBatch, programs.last, inboxes.last)
    )
  }

  /// Adds the group's partial sums over the worker's part of the first bucket, in the tree's order; nothing to do if there is
  /// one group.
  func sumInsideGroup(_ reduction: StepReduction) {
    reduction.inRank?.sumInside(part(of: plan.buckets[0].floats.count))
  }

  /// Adds what is left of the rank's own sums over the worker's part of the first bucket, in the tree's order: one per largest
  /// tree node remains.
  func sumInsideRank(_ reduction: StepReduction) { reduction.inRank?.sumAcross(plan.buckets[0].parts[context.index]) }

  /// The same for the second bucket, once all workers have computed it.
  func sumSecondBucket(_ reduction: StepReduction) { reduction.inRank?.sumAll(plan.buckets[1].parts[context.index]) }

  /// Brings the weights that other ranks have updated from the first replica, which received them, to the group's own.
  func copyWeights(ofOtherRanks bucket: Bucket) {
    guard context.group > 0 else { return }
    let (start, part) = (bucket.floats.lowerBound, part(of: bucket.floats.count))
    let (first, end) = (start + part.lowerBound, start + part.upperBound)
    copyWeights(first..<max(first, min(end, bucket.own.lowerBound)))
    copyWeights(min(end, max(first, bucket.own.upperBound))..<end)
  }

  private func copyWeights(_ floats: Range<Int>) {
    (replica.weights + floats.lowerBound).update(from: shared.weights + floats.lowerBound, count: floats.count)
  }

  /// The part of `count` floats that the worker shares out with the other members of its group.
  func part(of count: Int) -> Range<Int> {
    Segments.segment(context.member, of: context.members.count, count: count)
  }

  /// Adds what is left over the worker's segments in the tree's order, and sums the squares of what norms are asked for.
  func reduce(_ reduction: StepReduction) {
    for (index, bucket) in plan.buckets.enumerated() {
      reduction.all[index].reduce(bucket.segments[context.index]) { block, sum in
        shared.gradientSquares?.set(block, sum, plan.kernels)
        shared.weightSquares?.set(block, replica.weights + block.lowerBound, plan.kernels)
      }
    }
  }

  /// The same, and each block's `update` while its sum is in the cache; where no norm is asked for.
  ///
  /// - Returns: the first weight that is no longer finite.
  func reduceAndUpdate(
    _ reduction: StepReduction, _ step: OptimizerStep, _ clock: borrowing StepClock
  ) -> LostWeight? {
    var lost: LostWeight?
    var ruled = RuledStep(step, shared)
    for (index, bucket) in plan.buckets.enumerated() {
      reduction.all[index].reduce(bucket.segments[context.index]) { block, sum in
        clock.enter(.updating)
        update(block, of: index, sum: sum, &ruled, reduction, &lost)
        clock.enter(.reducing)
      }
    }
    return lost
  }

  /// Updates the worker's segments by a gradient that `reduce` has left, once all workers have summed theirs.
  ///
  /// - Returns: the first weight that is no longer finite.
  func update(_ reduction: StepReduction, _ step: OptimizerStep) -> LostWeight? {
    var lost: LostWeight?
    var ruled = RuledStep(shared.clipped(step), shared)
    for (index, bucket) in plan.buckets.enumerated() {
      reduction.all[index].forEachTotal(bucket.segments[context.index]) {
        update($0, of: index, sum: $1, &ruled, reduction, &lost)
      }
    }
    return lost
  }

  /// Updates the weights of a block of a bucket with the mean of `sum`, in all replicas.
  @inline(__always)
  private func update(
    _ block: Range<Int>, of bucket: Int, sum: UnsafeMutablePointer<Float>, _ step: inout RuledStep,
    _ reduction: StepReduction, _ lost: inout LostWeight?
  ) {
    let (weights, state) = (replica.weights, shared.optimizer)
    let floats = OptimizerBlock(
      sum: sum, weights: weights + block.lowerBound, state: state.slot(0, bucket: bucket) + block.lowerBound,
      slotStride: state.stride, count: block.count)
    plan.updates.forEachPart(of: block) { part, rule in
      plan.optimizer.update(
        floats.part(part.lowerBound - block.lowerBound..<part.upperBound - block.lowerBound),
        at: step.of(rule), plan.kernels)
    }
    reduction.all[bucket].distribute(block)
    if lost == nil { lost = LostWeight.first(in: weights, block, sum: sum) }
  }

  /// Brings the worker's part of the weights' average up to date after a step that is due for it.
  func updateAverage(_ step: TrainingStep) {
    guard let average = shared.average else { return }
    average.update(plan.state(of: context.index), from: replica.weights, stepsDone: step.number + 1, plan.kernels)
  }

  /// Exchanges the worker's part of the weights with their average, in all replicas; once more takes it back.
  func exchangeAverage() {
    guard let average = shared.average else { return }
    let part = plan.state(of: context.index)
    average.exchange(part, with: replica.weights)
    for other in shared.replicas where other !== replica {
      (other.weights + part.lowerBound).update(from: replica.weights + part.lowerBound, count: part.count)
    }
  }

  /// The worker's part of what its replica's layers read instead of weights, after all weights of these layers are updated.
  ///
  /// - Parameter layers: `nil` for all of them.
  func prepareWeights(of layers: Range<Int>? = nil) {
    plan.network.prepareWeights(
      replica.weights, into: replica.prepared, scratch: workspace, part: context.member, of: context.members.count,
      kernels: plan.kernels, layers: layers)
  }

  /// The worker's part of the digest of the new weights, from its own replica.
  func hashWeights() {
    guard let tree = shared.weightsTree else { return }
    let (first, end) = (
      tree.blockCount * context.index / context.count, tree.blockCount * (context.index + 1) / context.count
    )
    replica.weights.withMemoryRebound(to: UInt32.self, capacity: tree.wordCount) {
      tree.hash($0, blocks: first..<end, caller: context.index, plan.kernels)
    }
  }
}

import Collectives
import Network

/// What a worker of a rank does for the second bucket while it computes, so that its exchange hides behind that:
///
///     forward    front ─── weights of the step before are there: prepare ─── layers after the front
///     backward   layers after the front ─── their gradients are complete ─── front, block by block ─┃
///                                                            then all workers': add a part ─► the last sends the courier
///
/// Nobody waits for another worker's gradients: who finds that not all have computed theirs looks again after the next block,
/// and at last after the barrier. For weights the members of a memory group wait for each other.
struct StepOverlap {
  private let exchange: RankExchange
  /// Steps so far, and errands behind computing.
  private var steps: UInt32 = 0
  private var errands: UInt32 = 0
  private(set) var awaitsWeights = false
  private var hasComputed = false
  private var hasAdded = false
  /// What went wrong in the middle of a pass.
  private var failure: (any Error)?

  /// - Returns: `nil` where there is one bucket.
  init?(_ exchange: RankExchange?) {
    guard let exchange, exchange.plan.buckets.count > 1 else { return nil }
    self.exchange = exchange
  }

  /// Before a step's passes.
  mutating func begin() {
    steps &+= 1
    hasComputed = false
    hasAdded = false
  }

  /// At a point of the passes.
  mutating func reached(
    _ point: PassPoint, _ worker: borrowing Worker, _ reduction: StepReduction, _ clock: borrowing StepClock
  ) {
    guard failure == nil else { return }
    switch point {
    case .backForward:
      do { try receiveWeights(worker, clock) } catch { failure = error }
    case .backGradients:
      hasComputed = true
      _ = exchange.computed.arrive(round: steps)
      addIfComplete(worker, reduction, clock)
    case .frontBlock: addIfComplete(worker, reduction, clock)
    }
  }

  /// After the passes, of which a worker without shards has none.
  ///
  /// - Throws: what went wrong in the middle of them.
  mutating func end(_ worker: borrowing Worker, _ clock: borrowing StepClock) throws {
    if let failure { throw failure }
    try receiveWeights(worker, clock)
    guard !hasComputed else { return }
    hasComputed = true
    _ = exchange.computed.arrive(round: steps)
  }

  /// Once all workers have computed: adds what the worker could not add before.
  mutating func addRest(_ worker: borrowing Worker, _ reduction: StepReduction) {
    errands &+= 1
    guard !hasAdded else { return }
    precondition(
      exchange.computed.isComplete(round: steps), "A worker has passed a barrier before its gradients were complete.")
    add(worker, reduction)
  }

  /// After a step whose weights of the second bucket come behind the next one.
  mutating func deferWeights() {
    errands &+= 1
    awaitsWeights = true
  }

  private mutating func addIfComplete(
    _ worker: borrowing Worker, _ reduction: StepReduction, _ clock: borrowing StepClock
  ) {
    guard hasComputed, !hasAdded, exchange.computed.isComplete(round: steps) else { return }
    clock.enter(.summing)
    add(worker, reduction)
    clock.enter(.computing)
  }

  private mutating func add(_ worker: borrowing Worker, _ reduction: StepReduction) {
    worker.sumSecondBucket(reduction)
    hasAdded = true
    if exchange.added.arrive(round: steps) { exchange.sendDenseSums() }
  }

  /// Waits for the second bucket's weights of the step before, if they come behind this one, and makes them ready to be read.
  mutating func receiveWeights(_ worker: borrowing Worker, _ clock: borrowing StepClock) throws {
    guard awaitsWeights else { return }
    awaitsWeights = false
    let (plan, context) = (exchange.plan, worker.context)
    clock.enter(.exchanging)
    try exchange.courier.waitBehind(errands)
    clock.enter(.updating)
    worker.copyWeights(ofOtherRanks: plan.buckets[1])
    if plan.groups.count > 1 { try clock.meet(context.groupBarrier, .group) }
    clock.enter(.preparing)
    worker.prepareWeights(of: plan.network.frontCount..<plan.network.layers.count)
    try clock.meet(context.groupBarrier, .group)
    clock.enter(.computing)
  }
}

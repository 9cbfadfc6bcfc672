import Collectives
import Diagnostics
import Machine
import Network

/// What the ranks of a job exchange in a run: the errands of a rank's courier.
///
///     meeting       sums of layers over the whole batch: all ranks have those of all shards
///     denseSums     partial sums of the second bucket's gradient, to each rank its segment of them
///     sums          the same of the first bucket, and the control blocks
///     squares       squares of the gradient and weights, where norms are asked for
///     weights       every rank's segment of the first bucket's new weights
///     denseWeights  the same of the second bucket
///     state         every rank's segment of the optimizer's state, to rank 0, for a checkpoint
///     evaluation    losses and hits of the test set's shards
///
/// Where there are two buckets, `denseSums` comes behind computing; so does `denseWeights` but where all weights are needed at
/// once, and then comes with `weights`. See `StepOverlap`.
///
/// `@unchecked Sendable`: what the ranks send is written by workers before the barrier after which the courier is sent, and
/// not until it has answered again; what they receive is written by the courier between the two.
final class RankExchange: Errands, @unchecked Sendable {
  enum Errand: UInt32, CaseIterable {
    case meeting = 1
    case sums, squares, weights, state, evaluation, denseSums, denseWeights

    /// Messages of one kind between two ranks arrive in order, so each kind has one tag.
    var tag: Int32 { Int32(rawValue) + 16 }

    /// As results call it.
    var name: String {
      switch self {
      case .denseSums: "dense_sums"
      case .denseWeights: "dense_weights"
      default: "\(self)"
      }
    }
  }

  let job: Job
  let courier: Courier
  let plan: RunPlan
  let ranks: RankPlan
  let shared: SharedState
  /// By bucket.
  let inboxes: (full: [RankInbox], last: [RankInbox])
  let blocks: ControlBlocks
  let meetings: MeetingMessages
  /// Where rank 0 has the optimizer's whole state; `nil` on the others.
  let snapshot: Snapshot?
  /// The step, set by worker 0 before the first errand of each.
  private(set) var step = 0
  private(set) var endsEpoch = false
  /// Whether the second bucket's weights come behind the next step, set by worker 0 before the weights are exchanged, and the
  /// last step of which they did.
  private var defersDense = false
  private var deferredStep = 0
  private var meeting = 0
  /// Workers that have computed the second bucket's gradient in a step, and those that have added their part of it.
  let computed: ArrivalCounter
  let added: ArrivalCounter
  /// By kind, the courier's.
  private var accounts: [ExchangeTally] = Errand.allCases.map { ExchangeTally(name: $0.name) }
  private var begun = [UInt64](repeating: 0, count: Errand.allCases.count + 1)
  private let bytesSent: UnsafeMutablePointer<Int>
  private let inbox: NodeBuffer
  private let lost: LostWeights
  /// The test set's shards by rank.
  let evaluated: [Range<Int>]

  init(
    _ plan: RunPlan, _ ranks: RankPlan, _ shared: SharedState, _ job: Job, spinPauses: Int, snapshot: Snapshot?,
    evaluatedShards: Int
  ) throws {
    self.job = job
    self.snapshot = snapshot
    bytesSent = .allocate(capacity: Errand.allCases.count + 1)
    bytesSent.initialize(repeating: 0, count: Errand.allCases.count + 1)
    computed = ArrivalCounter(workers: plan.workerCount)
    added = ArrivalCounter(workers: plan.workerCount)
    self.plan = plan
    self.ranks = ranks
    self.shared = shared
    courier = Courier(job, spinPauses: spinPauses)
    let place = ranks.place
    inbox = try NodeBuffer(
      byteCount: plan.memory.inboxFloats * MemoryLayout<Float>.stride, hugePages: plan.memory.hugePages,
      purpose: "other ranks' gradients")
    var floats = [inbox.pointer.bindMemory(to: Float.self, capacity: plan.memory.inboxFloats)]
    for (index, bucket) in plan.buckets.enumerated() {
      Self.place(floats[index], ranks.inboxFloats[index], bucket, plan)
      floats.append(floats[index] + ranks.inboxFloats[index])
    }
    func sums(_ program: ReductionProgram, _ own: ReductionProgram) -> [RankInbox] {
      zip(plan.buckets, floats).map { bucket, floats in
        RankInbox(
          program, own: own, rank: place.rank, ranks: place.count, segment: bucket.own, floats: floats,
          workers: shared.transport)
      }
    }
    inboxes = (sums(ranks.programs.full, plan.fullBatch), sums(ranks.programs.last, plan.lastBatch))
    blocks = ControlBlocks(ranks)
    meetings = MeetingMessages(plan.network.schedule, shards: plan.shards.maximumShardCount)
    lost = LostWeights(workers: plan.workerCount, ranks: place.count)
    evaluated = (0..<place.count).map {
      plan.shards.shards(ofWorker: $0, of: place.count, shardCount: evaluatedShards)
    }
    let most = max(inboxes.full[0].counts.max() ?? 0, inboxes.last[0].counts.max() ?? 0)
    job.transport.reserve(
      operations: 2 * place.count * plan.buckets.count * max(most + 2, plan.memory.stateSlots.count, 3))
  }

  deinit { bytesSent.deallocate() }

  /// Puts each group's part of every sum on its node; where the system refuses, the first touch decides.
  private static func place(
    _ inbox: UnsafeMutablePointer<Float>, _ count: Int, _ bucket: Bucket, _ plan: RunPlan
  ) {
    guard plan.groups.count > 1, !bucket.own.isEmpty else { return }
    for sum in stride(from: 0, to: count, by: RankInbox.stride(bucket.own)) {
      for group in plan.groups {
        guard let node = group.memoryNode else { continue }
        let part = bytes(inbox + sum - bucket.own.lowerBound, bucket.segment(of: group.workers))
        _ = MemoryPolicy.prefer(node: node, UnsafeRawBufferPointer(part))
      }
    }
  }

  /// The messages of an errand that begins.
  func messages(_ errand: Errand) -> Messages {
    let count = bytesSent + Int(errand.rawValue)
    count.pointee = 0
    return Messages(job.transport, tag: errand.tag, counting: count)
  }

  /// Before a run, from the thread that starts it; `stop` ends it.
  func start() {
    computed.reset()
    added.reset()
    courier.start(self)
  }
  func stop() { courier.stop() }

  /// By worker 0, before the first errand of a step.
  func begin(_ step: TrainingStep) {
    self.step = step.number
    endsEpoch = step.endsEpoch
    meeting = 0
  }

  /// By each worker after its update: the first of its weights that is no longer finite.
  func enter(_ weight: LostWeight?, worker: Int) { lost.enter(weight, worker: worker) }

  /// The first weight of all that is no longer finite, once the weights are exchanged.
  var lostWeight: LostWeight? { lost.first }

  /// What was exchanged so far, of kinds that there were; while the courier does nothing.
  var tallies: [ExchangeTally] { accounts.filter { $0.count > 0 } }

  func subject(_ errand: UInt32) -> String {
    "step \((errand == Errand.denseWeights.rawValue ? deferredStep : step) + 1)"
  }

  private var deal: RankDeal { endsEpoch ? ranks.last : ranks.full }
  private var rank: Int { ranks.place.rank }

  // MARK: Errands

  func begin(_ errand: UInt32, over transport: any RankTransport) throws(UserError) {
    guard let errand = Errand(rawValue: errand) else { fatalError("There is no errand \(errand).") }
    begun[Int(errand.rawValue)] = monotonicNanoseconds()
    let messages = messages(errand)
    switch errand {
    case .meeting: try meetings.begin(meeting, deal.runs, own: rank, shared.meetingSums, messages)
    case .sums:
      try blocks.begin(step: step, deal.runs, shared, messages)
      try meetings.beginGroups(deal.runs, own: rank, shared.meetingSums, messages)
      try beginSums(bucket: 0, messages)
    case .denseSums: try beginSums(bucket: 1, messages)
    case .squares:
      for bucket in plan.buckets {
        if let squares = shared.gradientSquares { try messages.gather { squares.bytes(bucket.ranks[$0]) } }
        if let squares = shared.weightSquares { try messages.gather { squares.bytes(bucket.ranks[$0]) } }
      }
    case .weights:
      try lost.begin(messages, rank: rank)
      try beginWeights(bucket: 0, messages)
      if plan.buckets.count > 1, !defersDense { try begin(Errand.denseWeights.rawValue, over: transport) }
    case .denseWeights: try beginWeights(bucket: 1, messages)
    case .state: try beginState(messages)
    case .evaluation:
      try messages.gather { bytes(shared.losses, evaluated[$0]) }
      try messages.gather { bytes(shared.correct, evaluated[$0]) }
      try messages.gather { bytes(shared.topFive, evaluated[$0]) }
    }
  }

  func finish(_ errand: UInt32) throws(UserError) {
    let ended = monotonicNanoseconds()
    switch Errand(rawValue: errand) {
    case .meeting:
      meetings.finish(meeting, deal.runs, own: rank, shared.meetingSums)
      meeting += 1
    case .sums:
      meetings.finishGroups(deal.runs, own: rank, shared.meetingSums)
      try blocks.finish(step: step, deal.runs, shared, job)
    case .weights:
      lost.finish()
      if plan.buckets.count > 1, !defersDense { try finish(Errand.denseWeights.rawValue) }
    case .squares, .state, .evaluation, .denseSums, .denseWeights, nil: break
    }
    accounts[Int(errand) - 1].count += 1
    accounts[Int(errand) - 1].bytesSent += bytesSent[Int(errand)]
    accounts[Int(errand) - 1].nanoseconds += clockSpan(begun[Int(errand)], ended)
  }

  /// Partial sums go straight from the workers' buffers.
  private func beginSums(bucket number: Int, _ messages: Messages) throws(UserError) {
    let (inbox, bucket) = ((endsEpoch ? inboxes.last : inboxes.full)[number], plan.buckets[number])
    try job.transport.forEachPeer { (to, from) throws(UserError) in
      for slot in 0..<inbox.counts[from] {
        try messages.receive(bytes(inbox.partialSum(worker: from, slot: slot), bucket.own), from: from)
      }
      for slot in 0..<inbox.counts[rank] {
        try messages.send(bytes(inbox.partialSum(worker: rank, slot: slot), bucket.ranks[to]), to: to)
      }
    }
  }

  private func beginWeights(bucket number: Int, _ messages: Messages) throws(UserError) {
    let bucket = plan.buckets[number]
    try messages.gather { bytes(shared.weights, bucket.ranks[$0]) }
  }

  private func beginState(_ messages: Messages) throws(UserError) {
    for slot in plan.memory.stateSlots.indices {
      if rank == 0 {
        guard let target = snapshot?.slot(slot) else { fatalError("Rank 0 has no room for a copy of the state.") }
        for bucket in plan.buckets {
          for peer in 1..<ranks.place.count { try messages.receive(bytes(target, bucket.ranks[peer]), from: peer) }
        }
      } else {
        for (index, bucket) in plan.buckets.enumerated() {
          try messages.send(bytes(shared.optimizer.slot(slot, bucket: index), bucket.own), to: 0)
        }
      }
    }
  }
}

extension RankExchange {
  /// By every worker: waits for the others of its rank, then until the ranks have exchanged what the errand is about.
  func send(_ errand: Errand, _ context: WorkerContext, _ clock: borrowing StepClock) throws {
    let turn = courier.turn
    try clock.meet(context.barrier, errand == .meeting ? .sums : .all)
    if context.index == 0 { courier.ask(errand.rawValue) }
    clock.enter(.exchanging)
    try courier.wait(after: turn)
  }

  /// By every worker, after its update: as `send(.weights)`, and then for the second bucket's.
  ///
  /// - Parameter defersDense: asked of worker 0 alone.
  /// - Returns: whether the second bucket's weights come behind the next step, see `Courier.waitBehind`.
  func sendWeights(
    _ context: WorkerContext, _ clock: borrowing StepClock, defersDense: @autoclosure () -> Bool
  ) throws -> Bool {
    if context.index == 0 { self.defersDense = plan.buckets.count > 1 && defersDense() }
    let turn = courier.turn
    try clock.meet(context.barrier, .all)
    if context.index == 0 {
      deferredStep = step
      courier.ask(Errand.weights.rawValue)
      if self.defersDense { courier.ask(Errand.denseWeights.rawValue, isBehind: true) }
    }
    clock.enter(.exchanging)
    try courier.wait(after: turn)
    return self.defersDense
  }

  /// Sends the courier with the second bucket's sums, when the last worker has added its part of them.
  func sendDenseSums() { courier.ask(Errand.denseSums.rawValue, isBehind: true) }

  /// Sends the courier on an errand when no worker runs.
  func send(_ errand: Errand) throws(UserError) {
    let turn = courier.turn
    courier.ask(errand.rawValue)
    try courier.wait(after: turn)
  }
}

/// Some of the elements of a buffer.
func bytes<Element>(_ buffer: UnsafeMutablePointer<Element>, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
  UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: buffer + range.lowerBound, count: range.count))
}

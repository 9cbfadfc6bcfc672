import Diagnostics
import Dispatch
import Machine

/// What a worker knows about itself.
package struct WorkerContext: Sendable {
  /// 0 ..< `count`.
  package let index: Int
  package let count: Int
  /// The CPU the plan names, `nil` if the plan does not pin the worker.
  package let cpu: Int?
  package let node: Int
  /// The node whose memory the worker uses, `nil` if the plan does not pin the worker.
  package let memoryNode: Int?
  /// Number of the worker's memory group among `Placement.groups`.
  package let group: Int
  /// The workers of that group.
  package let members: Range<Int>
  /// Where all workers meet.
  package let barrier: MeetingPoint
  /// Where the members of the memory group meet; the same as `barrier` if there is only one group.
  package let groupBarrier: MeetingPoint
  /// Whether the worker's thread runs on `cpu` alone.
  package let pinned: Bool

  /// The worker's number inside its memory group.
  package var member: Int { index - members.lowerBound }
}

/// Threads that compute together: one serial Dispatch queue per worker, each pinned to its place while it works.
///
/// Serial queues, because Dispatch starts blocks of a concurrent queue only as CPUs become free, so that workers that wait
/// for each other would wait forever. The threads are borrowed: each gets its affinity and nice value back.
package final class WorkerGroup: Sendable {
  package let placement: Placement
  private let meetings: Meetings
  private let queues: [DispatchQueue]
  private let slots: QueueSlots.Reservation
  /// 1 while workers run.
  private let isBusy = CacheLineWord(0)

  package var workerCount: Int { placement.workers.count }
  /// Where worker 0 meets all workers.
  package var barrier: Barrier { meetings.all[0] }

  /// `spinPauses` overrides how long waiters at the barrier spin; by default not at all if workers share CPUs.
  ///
  /// - Throws: `UserError` (71) if Dispatch or the system has too few threads.
  /// - Precondition: `placement` has a worker.
  package init(placement: Placement, spinPauses: Int? = nil) throws(UserError) {
    slots = try QueueSlots.reserve(placement.workers.count)
    try ThreadSupply.require(
      placement.workers.count, for: "runtime.workers", placement.workers.count == 1 ? "a worker" : "workers")
    queues = slots.order.enumerated().map { DispatchQueue(label: "lockstep.worker.\($0)", qos: $1) }
    self.placement = placement
    let pauses = spinPauses ?? (Self.hasCPUPerWorker(placement) ? Barrier.defaultSpinPauses : 0)
    meetings = Meetings(placement, spinPauses: pauses)
  }

  /// Where the workers stand.
  package var log: MeetingLog { meetings.log }

  /// Releases every worker that waits, now or later, with `BarrierBroken`.
  package func breakBarriers() { meetings.breakAll() }

  /// Runs `body` once in every worker and waits for all.
  ///
  /// - Throws: as `RunningWorkers.result`.
  package func run(_ body: @escaping @Sendable (WorkerContext) throws -> Void) throws {
    try start(body).result()
  }

  /// Starts `body` once in every worker and returns at once; the calling thread stays free.
  ///
  /// A worker whose body throws breaks the barrier, so that the others leave with `BarrierBroken`. Worker 0's thread starts
  /// the others: Dispatch blocks a caller whose thread cannot be created, and `start`'s caller must stay free to say so.
  /// - Precondition: the workers of an earlier `start` have finished.
  package func start(_ body: @escaping @Sendable (WorkerContext) throws -> Void) -> RunningWorkers {
    precondition(isBusy.exchange(0, for: 1), "A worker group runs one body at a time.")
    meetings.reset()
    let running = RunningWorkers(group: self)
    // The blocks hold only the group's queues: Dispatch frees them a little after the workers have finished.
    let work: @Sendable (Int) -> Void = { [placement, meetings] index in
      guard running.begin() else { return }
      Self.work(index, of: placement, meetings, running, body)
      running.finish()
    }
    queues[0].async { [queues] in
      for index in 1..<queues.count { queues[index].async { work(index) } }
      work(0)
    }
    return running
  }

  func becomeIdle() { _ = isBusy.exchange(1, for: 0) }

  private static func work(
    _ index: Int, of placement: Placement, _ meetings: Meetings, _ running: RunningWorkers,
    _ body: (WorkerContext) throws -> Void
  ) {
    let place = placement.workers[index]
    let niceValue: Int? = takeNiceValueOfProcess()
    defer { if let niceValue { _ = ThreadPriority.set(niceValue) } }
    let borrowed: CPUSet? = place.cpu.flatMap { pin(worker: index, to: $0, running) }
    let group = meetings.groupOfWorker[index]
    do {
      try body(
        WorkerContext(
          index: index, count: placement.workers.count, cpu: place.cpu, node: place.node, memoryNode: place.memoryNode,
          group: group, members: meetings.groups[group].workers,
          barrier: MeetingPoint(meetings.all[group], meetings.log, worker: index, isOfAll: true),
          groupBarrier: MeetingPoint(meetings.ofGroups[group], meetings.log, worker: index, isOfAll: false),
          pinned: borrowed != nil))
    } catch {
      running.fail(error, worker: index)
      meetings.breakAll()
    }
    guard let borrowed else { return }
    do throws(UserError) {
      try ThreadAffinity.set(to: borrowed)
    } catch {
      running.note(
        "worker \(index) could not give CPUs \(borrowed) back to its thread: \(error.message)", worker: index)
    }
  }

  /// The nice value to restore; `nil` if it is the process's already. If the system refuses, only speed suffers.
  private static func takeNiceValueOfProcess() -> Int? {
    guard let own = ThreadPriority.current(), let wanted = ThreadPriority.ofProcess(), own != wanted else { return nil }
    return ThreadPriority.set(wanted) ? own : nil
  }

  /// The affinity to restore; `nil` if the system refused the pin, which costs only speed.
  private static func pin(worker index: Int, to cpu: Int, _ running: RunningWorkers) -> CPUSet? {
    do throws(UserError) {
      let before = try ThreadAffinity.current()
      try ThreadAffinity.pin(to: cpu)
      return before
    } catch {
      running.note("worker \(index) is not pinned to CPU \(cpu): \(error.message)", worker: index)
      return nil
    }
  }

  private static func hasCPUPerWorker(_ placement: Placement) -> Bool {
    let pinned = placement.workers.compactMap(\.cpu)
    guard Set(pinned).count == pinned.count else { return false }
    let usable: CPUSet = (try? ThreadAffinity.current()) ?? CPUSet()
    return placement.workers.count <= usable.count && CPUSet(pinned).isSubset(of: usable)
  }
}

/// The barriers of a worker group.
private struct Meetings: Sendable {
  let groups: [Placement.Group]
  let groupOfWorker: [Int]
  /// Per memory group, where its members meet all workers: a tree with `outer` at the top, or one barrier if there is one group.
  let all: [Barrier]
  /// Per memory group, where its members meet each other: those of `all` if there is only one group.
  let ofGroups: [Barrier]
  private let outer: Barrier?
  let log: MeetingLog

  init(_ placement: Placement, spinPauses: Int) {
    groups = placement.groups
    log = MeetingLog(groups: groups.map(\.workers))
    groupOfWorker = groups.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.workers.count) }
    let outer: Barrier? = groups.count == 1 ? nil : Barrier(participants: groups.count, spinPauses: spinPauses)
    self.outer = outer
    all = groups.map { Barrier(participants: $0.workers.count, spinPauses: spinPauses, outer: outer) }
    ofGroups =
      groups.count == 1 ? all : groups.map { Barrier(participants: $0.workers.count, spinPauses: spinPauses) }
  }

  private var everyBarrier: [Barrier] { all + ofGroups + (outer.map { [$0] } ?? []) }

  func breakAll() {
    for barrier in everyBarrier { barrier.breakAll() }
  }

  func reset() {
    for barrier in everyBarrier { barrier.reset() }
    log.reset()
  }
}

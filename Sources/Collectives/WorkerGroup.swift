import Diagnostics
import Dispatch
import Machine

/// What a worker knows of itself.
package struct WorkerContext: Sendable {
  /// 0 ..< `count`.
  package let index: Int
  package let count: Int
  /// The CPU the plan names, `nil` where the plan leaves the worker free.
  package let cpu: Int?
  package let node: Int
  /// Shared by all workers of the group.
  package let barrier: Barrier
  /// Whether the worker's thread runs on `cpu` alone.
  package let pinned: Bool
}

/// Threads that compute together: one serial Dispatch queue per worker, each pinned to its place while it works.
///
/// Serial queues, because Dispatch starts blocks of a concurrent queue only as CPUs come free, so that workers that wait
/// for each other would wait for ever. The threads are borrowed: each gets its affinity and nice value back.
package final class WorkerGroup: Sendable {
  package let placement: Placement
  package let barrier: Barrier
  private let queues: [DispatchQueue]
  private let slots: QueueSlots.Reservation
  /// 1 while workers run.
  private let isBusy: CacheLineWord = CacheLineWord(0)

  package var workerCount: Int { placement.workers.count }

  /// `spinPauses` overrides how long waiters at the barrier spin; by default not at all where workers share CPUs.
  ///
  /// - Throws: `UserError` (71) where Dispatch has too few threads.
  /// - Precondition: `placement` has a worker.
  package init(placement: Placement, spinPauses: Int? = nil) throws(UserError) {
    slots = try QueueSlots.reserve(placement.workers.count)
    queues = slots.order.enumerated().map { DispatchQueue(label: "lockstep.worker.\($0)", qos: $1) }
    self.placement = placement
    barrier = Barrier(
      participants: placement.workers.count,
      spinPauses: spinPauses ?? (Self.hasCPUPerWorker(placement) ? Barrier.defaultSpinPauses : 0))
  }

  /// Runs `body` once in every worker and waits for all.
  ///
  /// - Throws: as `RunningWorkers.result`.
  package func run(_ body: @escaping @Sendable (WorkerContext) throws -> Void) throws {
    try start(body).result()
  }

  /// Starts `body` once in every worker and returns at once; the calling thread stays free.
  ///
  /// A worker whose body throws breaks the barrier, so that the others leave with `BarrierBroken`.
  /// - Precondition: the workers of an earlier `start` have finished.
  package func start(_ body: @escaping @Sendable (WorkerContext) throws -> Void) -> RunningWorkers {
    precondition(isBusy.exchange(0, for: 1), "A worker group runs one body at a time.")
    barrier.reset()
    let running: RunningWorkers = RunningWorkers(group: self)
    for (index, queue) in queues.enumerated() {
      queue.async { [placement, barrier] in
        Self.work(index, of: placement, barrier, running, body)
        running.finish()
      }
    }
    return running
  }

  func becomeIdle() { _ = isBusy.exchange(1, for: 0) }

  private static func work(
    _ index: Int, of placement: Placement, _ barrier: Barrier, _ running: RunningWorkers,
    _ body: (WorkerContext) throws -> Void
  ) {
    let place: Placement.Worker = placement.workers[index]
    let niceValue: Int? = takeNiceValueOfProcess()
    defer { if let niceValue { _ = ThreadPriority.set(niceValue) } }
    let borrowed: CPUSet? = place.cpu.flatMap { pin(worker: index, to: $0, running) }
    do {
      try body(
        WorkerContext(
          index: index, count: placement.workers.count, cpu: place.cpu, node: place.node, barrier: barrier,
          pinned: borrowed != nil))
    } catch {
      running.fail(error, worker: index)
      barrier.breakAll()
    }
    guard let borrowed else { return }
    do throws(UserError) {
      try ThreadAffinity.set(to: borrowed)
    } catch {
      running.note("worker \(index) could not give its thread CPUs \(borrowed) back: \(error.message)", worker: index)
    }
  }

  /// The nice value to restore; `nil` where it is the process's already. Where the system refuses, speed alone suffers.
  private static func takeNiceValueOfProcess() -> Int? {
    guard let own = ThreadPriority.current(), let wanted = ThreadPriority.ofProcess(), own != wanted else { return nil }
    return ThreadPriority.set(wanted) ? own : nil
  }

  /// The affinity to restore; `nil` where the system refused the pin, which costs speed alone.
  private static func pin(worker index: Int, to cpu: Int, _ running: RunningWorkers) -> CPUSet? {
    do throws(UserError) {
      let before: CPUSet = try ThreadAffinity.current()
      try ThreadAffinity.pin(to: cpu)
      return before
    } catch {
      running.note("worker \(index) is not pinned to CPU \(cpu): \(error.message)", worker: index)
      return nil
    }
  }

  private static func hasCPUPerWorker(_ placement: Placement) -> Bool {
    let pinned: [Int] = placement.workers.compactMap(\.cpu)
    guard Set(pinned).count == pinned.count else { return false }
    let usable: Int = (try? ThreadAffinity.current().count) ?? 1
    return pinned.count == placement.workers.count || placement.workers.count <= usable
  }
}

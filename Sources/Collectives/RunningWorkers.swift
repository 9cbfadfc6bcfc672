import Dispatch

/// Workers under way: tells when they have finished and how it ended.
///
/// `@unchecked Sendable` is safe because each worker writes its own outcome alone, which others read once `remaining`
/// is 0, and the last to leave `holding` alone gives up the group. No lock: ThreadSanitizer cannot see inside `Mutex`.
package final class RunningWorkers: @unchecked Sendable {
  private struct Outcome {
    var failure: (any Error)?
    var notes: [String] = []
  }
  private let outcomes: UnsafeMutableBufferPointer<Outcome>
  /// How many have not given up the group yet, and how many have not finished.
  private let holding: CacheLineWord
  private let remaining: CacheLineWord
  /// Keeps the queues and their slots until the last worker ends; not the blocks, which Dispatch frees a little later.
  private var group: WorkerGroup?

  init(group: WorkerGroup) {
    holding = CacheLineWord(UInt32(group.workerCount))
    remaining = CacheLineWord(UInt32(group.workerCount))
    outcomes = .allocate(capacity: group.workerCount)
    outcomes.initialize(repeating: Outcome())
    self.group = group
  }

  deinit {
    outcomes.deinitialize()
    outcomes.deallocate()
  }

  package var isFinished: Bool { remaining.load() == 0 }

  /// Sleeps until every worker has finished or the time is over; says whether they have finished.
  ///
  /// What the workers wrote may be read once this returned `true`.
  package func wait(timeoutMilliseconds: Int) -> Bool {
    let start: UInt64 = DispatchTime.now().uptimeNanoseconds
    let (budget, overflow): (UInt64, Bool) =
      UInt64(max(0, timeoutMilliseconds)).multipliedReportingOverflow(by: 1_000_000)
    while true {
      let left: UInt32 = remaining.load()
      if left == 0 { return true }
      let spent: UInt64 = DispatchTime.now().uptimeNanoseconds - start
      if spent >= budget && !overflow { return false }
      remaining.sleep(while: left, timeoutNanoseconds: overflow ? nil : budget - spent)
    }
  }

  /// Sleeps until every worker has finished.
  ///
  /// - Throws: the error of the lowest-numbered worker that failed of itself; `BarrierBroken` where all that failed did
  ///   so because the barrier was broken.
  package func result() throws {
    _ = wait(timeoutMilliseconds: Int.max)
    let failures: [any Error] = outcomes.compactMap(\.failure)
    if let cause = failures.first(where: { !($0 is BarrierBroken) }) ?? failures.first { throw cause }
  }

  /// What the system refused without harm, in worker order; empty until the workers have finished.
  package var notes: [String] { isFinished ? outcomes.flatMap(\.notes) : [] }

  /// Called by that worker alone.
  func note(_ text: String, worker: Int) { outcomes[worker].notes.append(text) }

  /// Called by that worker alone.
  func fail(_ error: any Error, worker: Int) { outcomes[worker].failure = error }

  /// The last thing a worker does.
  func finish() {
    if holding.add(UInt32.max) == 0 {
      // Given up before the count falls, so that who waits finds the group idle and its slots free.
      group?.becomeIdle()
      group = nil
    }
    if remaining.add(UInt32.max) == 0 { remaining.wakeAll() }
  }
}

import Dispatch
import Synchronization

/// Workers under way: tells when they have finished and how it ended.
package final class RunningWorkers: Sendable {
  private struct Outcome {
    var failures: [(worker: Int, error: any Error)] = []
    var notes: [(worker: Int, text: String)] = []
  }
  /// How many have not given up the group yet, and how many have not finished.
  private let holding: CacheLineWord
  private let remaining: CacheLineWord
  private let outcome: Mutex<Outcome> = Mutex(Outcome())
  /// Keeps the queues and their slots until the last worker ends; not the blocks, which Dispatch frees a little later.
  private let group: Mutex<WorkerGroup?>

  init(group: WorkerGroup) {
    holding = CacheLineWord(UInt32(group.workerCount))
    remaining = CacheLineWord(UInt32(group.workerCount))
    self.group = Mutex(group)
  }

  package var isFinished: Bool { remaining.load() == 0 }

  /// Sleeps until every worker has finished or the time is over; says whether they have finished.
  ///
  /// What the workers wrote may be read once this returned `true`.
  package func wait(timeoutMilliseconds: Int) -> Bool {
    let start: UInt64 = DispatchTime.now().uptimeNanoseconds
    let budget: UInt64 = UInt64(max(0, timeoutMilliseconds)) * 1_000_000
    while true {
      let left: UInt32 = remaining.load()
      if left == 0 { return true }
      let spent: UInt64 = DispatchTime.now().uptimeNanoseconds - start
      if spent >= budget { return false }
      remaining.sleep(while: left, timeoutNanoseconds: budget - spent)
    }
  }

  /// Sleeps until every worker has finished.
  ///
  /// - Throws: the error of the lowest-numbered worker that failed of itself; `BarrierBroken` where all that failed did
  ///   so because the barrier was broken.
  package func result() throws {
    while true {
      let left: UInt32 = remaining.load()
      if left == 0 { break }
      remaining.sleep(while: left)
    }
    let failures = outcome.withLock { $0.failures }.sorted { $0.worker < $1.worker }
    if let cause = failures.first(where: { !($0.error is BarrierBroken) }) ?? failures.first { throw cause.error }
  }

  /// What the system refused without harm, in worker order; complete once the workers have finished.
  package var notes: [String] {
    outcome.withLock { $0.notes }.sorted { $0.worker < $1.worker }.map(\.text)
  }

  func note(_ text: String, worker: Int) {
    outcome.withLock { $0.notes.append((worker, text)) }
  }

  func fail(_ error: any Error, worker: Int) {
    outcome.withLock { $0.failures.append((worker, error)) }
  }

  /// The last thing a worker does.
  func finish() {
    if holding.add(UInt32.max) == 0 {
      // Given up before the count falls, so that who waits finds the slots free.
      let last: WorkerGroup? = group.withLock { group in
        defer { group = nil }
        return group
      }
      _ = consume last
    }
    if remaining.add(UInt32.max) == 0 { remaining.wakeAll() }
  }
}

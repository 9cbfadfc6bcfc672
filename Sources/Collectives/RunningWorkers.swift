import Diagnostics
import Machine

/// Running workers: says when they have finished and how they ended.
///
/// `@unchecked Sendable` is safe because each worker writes only its own outcome, which others read once `remaining` is 0,
/// only the last to leave `holding` releases the group, and only the one thread that waits writes what it knows of the
/// start. No lock: ThreadSanitizer cannot see inside `Mutex`.
package final class RunningWorkers: @unchecked Sendable {
  private struct Outcome {
    var failure: (any Error)?
    var notes: [String] = []
  }
  private let outcomes: UnsafeMutableBufferPointer<Outcome>
  /// How many have not released the group yet, and how many have not finished.
  private let holding: CacheLineWord
  private let remaining: CacheLineWord
  /// How many have begun; `closedBit` once no more may.
  private let begun = CacheLineWord(0)
  private static let closedBit: UInt32 = 1 << 31
  /// How long the start may take, how long the waiting thread has watched it, and its error when it gave up.
  private let startNanoseconds: UInt64
  private var watchedNanoseconds: UInt64 = 0
  private var refusal: UserError?
  /// Keeps the queues and their slots until the last worker ends; not the blocks, which Dispatch frees a little later.
  private var group: WorkerGroup?

  /// - Parameter startSeconds: how long the workers' threads may take to start; time in which the process itself does not
  ///   run hardly counts.
  init(group: WorkerGroup, startSeconds: Double = 30) {
    startNanoseconds = UInt64(startSeconds * 1e9)
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

  /// Sleeps until every worker has finished or the time is over; returns whether they have finished.
  ///
  /// What the workers wrote may be read once this returned `true`.
  package func wait(timeoutMilliseconds: Int) -> Bool {
    var watch = Stopwatch()
    let (budget, overflow): (UInt64, Bool) =
      UInt64(max(0, timeoutMilliseconds)).multipliedReportingOverflow(by: 1_000_000)
    while true {
      let left: UInt32 = remaining.load()
      if left == 0 { return true }
      let spent = watch.look()
      if spent >= budget && !overflow { return false }
      let rest: UInt64? = overflow ? nil : budget - spent
      guard begun.load() < UInt32(outcomes.count) else {
        remaining.sleep(while: left, timeoutNanoseconds: rest)
        continue
      }
      remaining.sleep(while: left, timeoutNanoseconds: min(rest ?? .max, Self.startSlice))
      watchedNanoseconds += min(watch.look() - spent, 2 * Self.startSlice)
      if watchedNanoseconds > startNanoseconds { giveUpStart() }
    }
  }

  private static let startSlice: UInt64 = 100_000_000

  /// Whether a worker may begin; each worker asks this first.
  func begin() -> Bool {
    while true {
      let before: UInt32 = begun.load()
      guard before & Self.closedBit == 0 else { return false }
      if begun.exchange(before, for: before + 1) { return true }
    }
  }

  /// Lets no more workers begin and releases those that have; a worker that never began counts as finished.
  private func giveUpStart() {
    while true {
      let before: UInt32 = begun.load()
      let missing = UInt32(outcomes.count) - before
      guard missing > 0 else { return }
      guard begun.exchange(before, for: before | Self.closedBit) else { continue }
      refusal = ThreadSupply.refusal(
        "runtime.workers", "workers", count: outcomes.count, made: Int(before), limit: ThreadSupply.limit())
      group?.breakBarriers()
      if holding.add(0 &- missing) == 0 { group = nil }
      _ = remaining.add(0 &- missing)
      return
    }
  }

  /// Sleeps until every worker has finished.
  ///
  /// - Throws: `UserError` (71) if not all could start; the error of the lowest-numbered worker that failed by itself;
  ///   `BarrierBroken` if all that failed did so because the barrier was broken.
  package func result() throws {
    _ = wait(timeoutMilliseconds: Int.max)
    if let refusal { throw refusal }
    let failures: [any Error] = outcomes.compactMap(\.failure)
    if let cause = failures.first(where: { !($0 is BarrierBroken) }) ?? failures.first { throw cause }
  }

  /// What the system refused without harm to the run, in worker order; empty until the workers have finished.
  package var notes: [String] { isFinished ? outcomes.flatMap(\.notes) : [] }

  /// Called by that worker alone.
  func note(_ text: String, worker: Int) { outcomes[worker].notes.append(text) }

  /// Called by that worker alone.
  func fail(_ error: any Error, worker: Int) { outcomes[worker].failure = error }

  /// The last thing a worker does.
  func finish() {
    if holding.add(UInt32.max) == 0 {
      // Released before the count falls, so that a waiter sees an idle group.
      group?.becomeIdle()
      group = nil
    }
    if remaining.add(UInt32.max) == 0 { remaining.wakeAll() }
  }
}

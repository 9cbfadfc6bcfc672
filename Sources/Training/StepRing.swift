import Storage
import Synchronization

/// What worker 0 knows after a step: sums over the step's examples, and times.
struct StepTotals {
  enum Kind {
    case step, epochEnd
    /// The test set was evaluated at the end of the run, inside an epoch.
    case evaluation
    /// The snapshot holds the state after everything pushed before.
    case snapshot
  }
  var kind: Kind = .step
  var epoch = 0
  var step = 0
  var stepInEpoch = 0
  var examples = 0
  var loss = 0.0
  var correct = 0
  var learningRate = 0.0
  /// Of the weights after the step, where the ledger wants it.
  var weightsDigest: SHA256Digest?
  var stepNanoseconds: UInt64 = 0
  var reduceNanoseconds: UInt64 = 0
  var barrierNanoseconds: UInt64 = 0
  var meetingsNanoseconds: UInt64 = 0
  var exchangeNanoseconds: UInt64 = 0
  /// Sums over the test set, for `epochEnd` and `evaluation`; no examples where it was not evaluated.
  var testExamples = 0
  var testLoss = 0.0
  var testCorrect = 0
  /// Examples whose label is among the five likeliest classes; `nil` for fewer than ten classes.
  var testTopFive: Int?
}

/// A ring from worker 0 to the thread that reports: neither allocates, and the worker waits only when it is full.
///
/// `@unchecked Sendable` is safe because `head` is written by worker 0 alone, `tail` by the reader alone, and an entry
/// only while it lies outside `tail..<head`.
final class StepRing: @unchecked Sendable {
  private static let capacity = 1024
  private let entries: UnsafeMutablePointer<StepTotals>
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)

  init() {
    entries = .allocate(capacity: Self.capacity)
    entries.initialize(repeating: StepTotals(), count: Self.capacity)
  }

  deinit { entries.deallocate() }

  /// False if the ring is full.
  func push(_ totals: StepTotals) -> Bool {
    let next = head.load(ordering: .relaxed)
    guard next - tail.load(ordering: .acquiring) < Self.capacity else { return false }
    entries[next % Self.capacity] = totals
    head.store(next + 1, ordering: .releasing)
    return true
  }

  /// The oldest entry, if any.
  func pop() -> StepTotals? {
    let next = tail.load(ordering: .relaxed)
    guard next < head.load(ordering: .acquiring) else { return nil }
    let totals = entries[next % Self.capacity]
    tail.store(next + 1, ordering: .releasing)
    return totals
  }
}

import Synchronization

/// Where each worker stands among the barriers of its group: written by the worker as it goes, read by the watchdog to
/// find one that holds up the others.
///
///     word   meetings of all workers entered | meetings of the memory group since | where the worker is
///
/// `@unchecked Sendable` is safe because the pointer never changes and what it points to is atomic.
package final class MeetingLog: @unchecked Sendable {
  /// Where a worker is.
  package enum Place: UInt64, Sendable {
    /// At work, or finished.
    case outside
    /// At a barrier, and not counted by it yet.
    case entering
    /// At a barrier, waiting for others.
    case waiting
  }

  /// A worker's word has two cache lines to itself.
  private static let stride = 16
  private static let groupShift: UInt64 = 2
  private static let allShift: UInt64 = 26

  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let groups: [Range<Int>]
  package let count: Int

  /// - Parameter groups: the workers of each memory group, ascending, covering all workers.
  package init(groups: [Range<Int>]) {
    self.groups = groups
    count = groups.last?.upperBound ?? 0
    words = .allocate(capacity: count * Self.stride)
    for index in 0..<count * Self.stride { (words + index).initialize(to: Atomic<UInt64>(0)) }
  }

  deinit {
    words.deinitialize(count: count * Self.stride)
    words.deallocate()
  }

  /// A worker's word, different after every change.
  package func word(_ worker: Int) -> UInt64 {
    assert(worker >= 0 && worker < count, "There is no worker \(worker) among \(count).")
    return words[worker * Self.stride].load(ordering: .relaxed)
  }

  package static func place(_ word: UInt64) -> Place { Place(rawValue: word & 3) ?? .outside }

  /// The workers that the others wait for when none moves: of those that entered the fewest barriers of all workers, the
  /// ones that entered the fewest of their group's, and of these the ones that no barrier counts yet, if there are any.
  package func behind() -> [Int] {
    let words = (0..<count).map { word($0) }
    let fewest: UInt64 = words.map { $0 >> Self.allShift }.min() ?? 0
    var behind: [Int] = []
    for group in groups {
      let late = group.filter { words[$0] >> Self.allShift == fewest }
      let meeting: UInt64 = late.map { words[$0] >> Self.groupShift }.min() ?? 0
      behind += late.filter { words[$0] >> Self.groupShift == meeting }
    }
    let uncounted = behind.filter { Self.place(words[$0]) != .waiting }
    return uncounted.isEmpty ? behind : uncounted
  }

  /// Forgets all meetings; no worker may be at one.
  func reset() {
    for worker in 0..<count { words[worker * Self.stride].store(0, ordering: .relaxed) }
  }

  /// By the worker: it comes to a meeting.
  @inline(__always)
  func enter(_ worker: Int, ofAll: Bool) {
    let word: UInt64 = self.word(worker) & ~3
    let next: UInt64 = ofAll ? ((word >> Self.allShift) + 1) << Self.allShift : word + 1 << Self.groupShift
    words[worker * Self.stride].store(next | Place.entering.rawValue, ordering: .relaxed)
  }

  /// By the worker: the meeting counts it, or lets it go.
  @inline(__always)
  func set(_ place: Place, _ worker: Int) {
    words[worker * Self.stride].store(word(worker) & ~3 | place.rawValue, ordering: .relaxed)
  }
}

/// A barrier as one worker meets the others there.
package struct MeetingPoint: Sendable {
  let barrier: Barrier
  private let log: MeetingLog
  private let worker: Int
  private let isOfAll: Bool

  init(_ barrier: Barrier, _ log: MeetingLog, worker: Int, isOfAll: Bool) {
    self.barrier = barrier
    self.log = log
    self.worker = worker
    self.isOfAll = isOfAll
  }

  /// Waits as `Barrier.wait` and keeps the log.
  package func wait() throws(BarrierBroken) {
    log.enter(worker, ofAll: isOfAll)
    try barrier.wait(log, worker)
    log.set(.outside, worker)
  }
}

import Synchronization

/// What a worker is doing.
package enum WorkerPhase: UInt64, Sendable, CaseIterable {
  case preparing, computing, reducing, transposing, evaluating, publishing, waiting

  /// In words, for messages.
  package var words: String {
    switch self {
    case .preparing: "preparing its memory"
    case .computing: "computing gradients"
    case .reducing: "reducing and updating"
    case .transposing: "preparing weights"
    case .evaluating: "evaluating the test set"
    case .publishing: "publishing results"
    case .waiting: "waiting for the others"
    }
  }
}

/// Each worker's step and phase, written by it without waiting and read by the watchdog.
///
/// `@unchecked Sendable` is safe because the pointer never changes and what it points to is atomic.
final class WorkerBeats: @unchecked Sendable {
  /// A worker's word has two cache lines to itself.
  private static let stride = 16
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  let count: Int

  init(count: Int) {
    self.count = count
    words = .allocate(capacity: count * Self.stride)
    for i in 0..<count * Self.stride { (words + i).initialize(to: Atomic<UInt64>(0)) }
  }

  deinit {
    words.deinitialize(count: count * Self.stride)
    words.deallocate()
  }

  @inline(__always)
  func enter(_ phase: WorkerPhase, step: Int, worker: Int) {
    words[worker * Self.stride].store(UInt64(truncatingIfNeeded: step) << 3 | phase.rawValue, ordering: .relaxed)
  }

  /// Step and phase of a worker in one word, different after every change.
  func word(_ worker: Int) -> UInt64 { words[worker * Self.stride].load(ordering: .relaxed) }

  static func phase(_ word: UInt64) -> WorkerPhase { WorkerPhase(rawValue: word & 7) ?? .waiting }
  static func step(_ word: UInt64) -> Int { Int(word >> 3) }
}

import Synchronization

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
  func enter(_ phase: StepPhase, step: Int, worker: Int) {
    words[worker * Self.stride].store(
      UInt64(truncatingIfNeeded: step) << 8 | UInt64(phase.rawValue), ordering: .relaxed)
  }

  /// Step and phase of a worker in one word, different after every change.
  func word(_ worker: Int) -> UInt64 { words[worker * Self.stride].load(ordering: .relaxed) }

  static func phase(_ word: UInt64) -> StepPhase { StepPhase(rawValue: UInt8(truncatingIfNeeded: word)) ?? .waiting }
  static func step(_ word: UInt64) -> Int { Int(word >> 8) }
}

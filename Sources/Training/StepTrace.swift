/// When each worker was at each phase: the last of them, in memory that is set aside before the first step.
///
/// `@unchecked Sendable`: each worker writes its own ring while it runs; others read once all have finished.
package final class StepTrace: @unchecked Sendable {
  package struct Event: Hashable, Sendable {
    package var phase: StepPhase
    /// From 0.
    package var step: Int
    /// Of one clock.
    package var start: UInt64
    package var end: UInt64
  }

  /// Events that are kept of each worker, 24 bytes each: 1.5 MiB a worker.
  package static let defaultCapacity = 1 << 16

  package let workers: Int
  let capacity: Int
  private let words: UnsafeMutablePointer<UInt64>
  /// Words of a worker: how many events there were, in two cache lines of its own, then three for each event.
  private let stride: Int
  private static let head = 16

  package init(workers: Int, capacity: Int = StepTrace.defaultCapacity) {
    self.workers = workers
    self.capacity = capacity
    stride = Self.head + (3 * capacity + Self.head - 1) / Self.head * Self.head
    let bytes = workers * stride * MemoryLayout<UInt64>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 128)
    words = memory.bindMemory(to: UInt64.self, capacity: workers * stride)
    words.initialize(repeating: 0, count: workers * stride)
  }

  deinit { UnsafeMutableRawPointer(words).deallocate() }

  /// By the worker itself; allocates nothing.
  func add(_ phase: StepPhase, step: Int, worker: Int, start: UInt64, end: UInt64) {
    let ring = words + worker * stride
    let place = ring + Self.head + 3 * Int(ring[0] % UInt64(capacity))
    (place[0], place[1], place[2]) = (start, end, UInt64(truncatingIfNeeded: step) << 8 | UInt64(phase.rawValue))
    ring[0] += 1
  }

  /// The last events of a worker in order, while it does not run.
  package func events(worker: Int) -> [Event] {
    let ring = words + worker * stride
    let count = Int(ring[0])
    return (max(0, count - capacity)..<count).map { index in
      let place = ring + Self.head + 3 * (index % capacity)
      return Event(
        phase: WorkerBeats.phase(place[2]), step: WorkerBeats.step(place[2]), start: place[0], end: place[1])
    }
  }

  /// Events of a worker that came before those.
  package func lostEvents(worker: Int) -> Int { max(0, Int((words + worker * stride)[0]) - capacity) }
}

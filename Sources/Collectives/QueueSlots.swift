import Diagnostics
import Dispatch
import Synchronization

/// The process's account of threads that Dispatch can start at once for serial queues.
///
/// Dispatch starts at most 255 such threads per quality-of-service class; a block above that waits for another to end.
/// Workers that meet in a barrier would wait for ever, so they take their threads from this account first. The classes
/// differ in their pools (user-interactive has none of its own) and nice values (0, −2 where privileged, 2), which
/// workers undo where the system lets them.
enum QueueSlots {
  /// Below 255, so that queues of other code find a thread too.
  static let perClass: Int = 240
  static let classes: [DispatchQoS] = [.default, .userInitiated, .utility]
  private static let free: Mutex<[Int]> = Mutex([Int](repeating: perClass, count: 3))

  /// The number of slots taken per class; given back exactly once.
  struct Reservation: ~Copyable, Sendable {
    let taken: [Int]

    /// The class of each worker, in worker order.
    var order: [DispatchQoS] {
      zip(QueueSlots.classes, taken).flatMap { [DispatchQoS](repeating: $0, count: $1) }
    }

    deinit {
      QueueSlots.free.withLock { free in
        for index in free.indices { free[index] += taken[index] }
      }
    }
  }

  /// Takes `count` slots, the first class first.
  ///
  /// - Throws: `UserError` (71) where fewer are free.
  static func reserve(_ count: Int) throws(UserError) -> Reservation {
    let (taken, available): ([Int], Int) = free.withLock { free in
      let available: Int = free.reduce(0, +)
      var taken: [Int] = [Int](repeating: 0, count: free.count)
      guard count <= available else { return ([], available) }
      for index in free.indices {
        taken[index] = min(count - taken.reduce(0, +), free[index])
        free[index] -= taken[index]
      }
      return (taken, available)
    }
    guard !taken.isEmpty else {
      throw UserError(
        .systemRefused, "runtime.workers", "\(count) workers need a thread each; Dispatch has \(available) left.",
        hint: "Use at most \(available) workers.")
    }
    return Reservation(taken: taken)
  }
}

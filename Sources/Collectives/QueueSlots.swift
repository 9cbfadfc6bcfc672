import Diagnostics
import Dispatch
import Synchronization

/// The process's account of threads that Dispatch can start at once for serial queues.
///
/// Dispatch starts at most 255 such threads per quality-of-service class; a block above that waits for another to end.
/// Workers that meet at a barrier would wait forever, so they take their threads from this account first. The classes
/// differ in their pools (user-interactive has none of its own) and nice values (0, −2 if privileged, 2), which workers
/// undo if the system lets them.
enum QueueSlots {
  /// Below 255, so that queues of other code find a thread too.
  static let perClass = 240
  static let classes: [DispatchQoS] = [.default, .userInitiated, .utility]
  /// The free slots of class `c` in bits 16·c ..< 16·(c + 1).
  private static let free = Atomic<UInt64>(packed([perClass, perClass, perClass]))

  /// The number of slots taken per class; given back exactly once.
  struct Reservation: ~Copyable, Sendable {
    let taken: [Int]

    /// The class of each worker, in worker order.
    var order: [DispatchQoS] {
      zip(QueueSlots.classes, taken).flatMap { [DispatchQoS](repeating: $0, count: $1) }
    }

    deinit {
      let after: UInt64 = QueueSlots.free.add(QueueSlots.packed(taken), ordering: .relaxed).newValue
      assert(QueueSlots.unpacked(after).allSatisfy { $0 <= perClass }, "Slots were given back twice.")
    }
  }

  /// Takes `count` slots, the first class first.
  ///
  /// - Throws: `UserError` (71) if fewer are free.
  static func reserve(_ count: Int) throws(UserError) -> Reservation {
    assert(count >= 0, "\(count) slots cannot be taken.")
    while true {
      let before: UInt64 = free.load(ordering: .relaxed)
      let available = unpacked(before)
      let sum = available.reduce(0, +)
      guard count <= sum else {
        throw UserError(
          .systemRefused, "runtime.workers", "\(count) workers need a thread each; Dispatch has \(sum) left.",
          hint: "Use at most \(sum) workers.")
      }
      var taken: [Int] = []
      for slots in available { taken.append(min(count - taken.reduce(0, +), slots)) }
      if free.compareExchange(expected: before, desired: before - packed(taken), ordering: .relaxed).exchanged {
        return Reservation(taken: taken)
      }
    }
  }

  private static func unpacked(_ word: UInt64) -> [Int] {
    classes.indices.map { Int(word >> (16 * UInt64($0)) & 0xFFFF) }
  }

  private static func packed(_ slots: [Int]) -> UInt64 {
    assert(slots.count <= 4 && slots.allSatisfy { 0...0xFFFF ~= $0 }, "\(slots) do not fit into 16 bits each.")
    return slots.reversed().reduce(0) { $0 << 16 | UInt64($1) }
  }
}

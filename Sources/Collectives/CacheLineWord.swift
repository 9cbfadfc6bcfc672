import Machine
import Synchronization

/// A 32-bit atomic word with two cache lines of its own, on whose value threads can sleep.
///
/// Two lines, because cores fetch lines in pairs: neighbours written by others would slow its readers down.
/// `@unchecked Sendable` is safe because the pointer never changes and what it points to is atomic.
struct CacheLineWord: ~Copyable, @unchecked Sendable {
  private static let lineBytes = 128
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  init(_ value: UInt32) {
    let line = UnsafeMutableRawPointer.allocate(byteCount: Self.lineBytes, alignment: Self.lineBytes)
    word = line.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
    word.initialize(to: Atomic<UInt32>(value))
  }

  deinit {
    word.deinitialize(count: 1)
    UnsafeMutableRawPointer(word).deallocate()
  }

  /// Sees everything that the writer of the value wrote before.
  func load() -> UInt32 { word.pointee.load(ordering: .acquiring) }

  /// In one total order with every other change of a word and every other `loadOrdered`.
  func loadOrdered() -> UInt32 { word.pointee.load(ordering: .sequentiallyConsistent) }

  /// For words that another word publishes.
  func storeRelaxed(_ value: UInt32) { word.pointee.store(value, ordering: .relaxed) }

  /// Adds with wrap-around; returns the new value, publishes what the caller wrote and sees what earlier adders wrote.
  func add(_ value: UInt32) -> UInt32 {
    word.pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).newValue
  }

  /// Replaces `expected` by `value`, otherwise as `add`; returns whether it did.
  func exchange(_ expected: UInt32, for value: UInt32) -> Bool {
    word.pointee.compareExchange(expected: expected, desired: value, ordering: .sequentiallyConsistent).exchanged
  }

  /// Sets bits; otherwise as `add`.
  func setBits(_ bits: UInt32) {
    _ = word.pointee.bitwiseOr(bits, ordering: .sequentiallyConsistent)
  }

  /// Sleeps while the value is `expected`, at most `timeoutNanoseconds`; may also return early.
  func sleep(while expected: UInt32, timeoutNanoseconds: UInt64? = nil) {
    _ = Futex.wait(futexAddress, while: expected, timeoutNanoseconds: timeoutNanoseconds)
  }

  func wakeAll() { Futex.wakeAll(futexAddress) }

  /// `Atomic<UInt32>` is one `UInt32` in memory.
  private var futexAddress: UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self)
  }
}

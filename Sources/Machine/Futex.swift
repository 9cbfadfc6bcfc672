import CNUMA
import Glibc

/// Sleeping on a word of this process's memory until another thread changes it and wakes the sleepers.
///
/// The word is written with atomic operations by the caller; `futex(2)` compares and sleeps as one step.
package enum Futex {
  /// Why `wait` returned.
  package enum Wake: Sendable {
    /// Woken, interrupted, or the word no longer held the expected value: look at the word again.
    case lookAgain
    case timedOut
  }

  /// Sleeps while `word` holds `expected`, for at most `timeoutNanoseconds` (`nil`: forever).
  package static func wait(
    _ word: UnsafeMutablePointer<UInt32>, while expected: UInt32, timeoutNanoseconds: UInt64? = nil
  ) -> Wake {
    let operation: Int32 = FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    guard let nanoseconds = timeoutNanoseconds else {
      _ = futex(word, operation, expected, nil)
      return .lookAgain
    }
    var timeout: timespec = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    let status = futex(word, operation, expected, &timeout)
    return status == -1 && errno == ETIMEDOUT ? .timedOut : .lookAgain
  }

  /// Wakes every thread that sleeps on `word`.
  package static func wakeAll(_ word: UnsafeMutablePointer<UInt32>) {
    _ = futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, UInt32(Int32.max), nil)
  }

  /// Tells the core that the thread spins, once: about 10 to 50 ns.
  package static func pause() { mm_pause() }
}

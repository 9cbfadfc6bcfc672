import Glibc

/// Nanoseconds of the monotonic clock.
package func monotonicNanoseconds() -> UInt64 {
  var time: timespec = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Nanoseconds from one reading of a clock to a later one; 0 where the clock went back between them, which those of
/// virtual machines may do.
package func clockSpan(_ start: UInt64, _ end: UInt64) -> UInt64 { end > start ? end - start : 0 }

/// How long it is since it was made. A clock that goes back takes away the time since the last look, no more.
package struct Stopwatch: Sendable {
  private var last: UInt64
  private var nanoseconds: UInt64 = 0

  package init(now: UInt64 = monotonicNanoseconds()) { last = now }

  /// Looks at the clock; returns the nanoseconds since the start, never fewer than before.
  package mutating func look(now: UInt64 = monotonicNanoseconds()) -> UInt64 {
    nanoseconds += clockSpan(last, now)
    last = now
    return nanoseconds
  }
}

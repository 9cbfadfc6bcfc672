import Glibc
import Synchronization

// The program with a clock that goes back: `lockstep` is a link to its sources, and the linker gives `stepping_clock_gettime`
// the name of the C library's function, see Package.swift.

private typealias ClockFunction = @convention(c) (clockid_t, UnsafeMutablePointer<timespec>?) -> Int32

private let systemClock: ClockFunction? =
  dlsym(UnsafeMutableRawPointer(bitPattern: -1), "clock_gettime").map { unsafeBitCast($0, to: ClockFunction.self) }
private let readings: Atomic<Int> = Atomic(0)

/// The system's clocks, but that every 97th reading of any of them sets them all back by an hour, for good.
@_cdecl("stepping_clock_gettime")
public func steppingClock(_ clock: clockid_t, _ time: UnsafeMutablePointer<timespec>?) -> Int32 {
  guard let systemClock else { return -1 }
  let status: Int32 = systemClock(clock, time)
  // Far ahead at first, so that no time is ever negative.
  let hours: Int = 4_000_000 - readings.add(1, ordering: .relaxed).newValue / 97
  time?.pointee.tv_sec += hours * 3600
  return status
}

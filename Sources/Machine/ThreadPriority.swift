import Glibc

/// The nice value of threads: Linux keeps one per thread, and Dispatch sets it for the threads it lends.
package enum ThreadPriority {
  /// The nice value that the process was started with: its main thread's; `nil` if the system does not say.
  package static func ofProcess() -> Int? { niceValue(of: UInt32(getpid())) }

  /// The calling thread's nice value; `nil` if the system does not say.
  package static func current() -> Int? { niceValue(of: 0) }

  /// Gives the calling thread a nice value; returns whether the system allowed it, as it may refuse a lower one.
  package static func set(_ niceValue: Int) -> Bool {
    setpriority(Int32(PRIO_PROCESS.rawValue), 0, Int32(clamping: niceValue)) == 0
  }

  /// −1 is a nice value too, so only `errno` shows an error.
  private static func niceValue(of thread: UInt32) -> Int? {
    errno = 0
    let value = getpriority(Int32(PRIO_PROCESS.rawValue), thread)
    return value == -1 && errno != 0 ? nil : Int(value)
  }
}

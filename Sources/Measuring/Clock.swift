#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Nanoseconds the calling thread has computed: other programs on the machine do not count.
func threadNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Runnable threads over the last minute, 0 if the system does not say.
func systemLoad() -> Double {
  var load = 0.0
  return getloadavg(&load, 1) == 1 ? load : 0
}

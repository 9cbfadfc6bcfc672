#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Nanoseconds the calling thread has computed: what others do on the machine does not count.
func threadNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Runnable threads over the last minute, 0 where the system does not tell.
func systemLoad() -> Double {
  var load = 0.0
  return getloadavg(&load, 1) == 1 ? load : 0
}

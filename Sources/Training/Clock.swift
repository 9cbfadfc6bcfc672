#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

func sleepMicroseconds(_ microseconds: UInt32) { usleep(microseconds) }

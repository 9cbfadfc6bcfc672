import Glibc

/// The end of this process where a library may never come back.
enum ProcessEnd {
  /// Ends the process with `code` in `seconds`, on a thread of its own, whatever the others do.
  static func later(code: Int32, seconds: UInt32) {
    let packed = UInt(seconds) << 8 | UInt(UInt8(truncatingIfNeeded: code))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { packed in
        let packed = UInt(bitPattern: packed)
        sleep(UInt32(packed >> 8))
        _exit(Int32(packed & 0xFF))
      }, UnsafeMutableRawPointer(bitPattern: packed))
    if status == 0 { pthread_detach(thread) }
  }
}

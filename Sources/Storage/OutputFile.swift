import Diagnostics
import Glibc

/// An open file for writing; every failure is `.cannotWrite` with the path users know and the system's reason.
package final class OutputFile {
  /// What errors call the file.
  package let name: String
  private var descriptor: Int32

  /// Opens `path` with `flags` besides `O_WRONLY`; new files get mode 0666 less the process's umask.
  init(path: String, flags: Int32, name: String) throws(UserError) {
    self.name = name
    descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o666)
    if descriptor < 0 { throw OutputFile.failure(name, "cannot be created", errno) }
  }

  deinit {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  /// Appends all of `bytes`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(UserError) {
    var done: Int = 0
    while done < bytes.count {
      let count: Int = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      // A regular file accepts at least a byte or says why not; 0 would loop for ever.
      guard count > 0 else { throw OutputFile.failure(name, "cannot be written", count < 0 ? errno : ENOSPC) }
      done += count
    }
  }

  /// Appends all of `bytes`.
  package func write(_ bytes: [UInt8]) throws(UserError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(UserError) in try write(UnsafeRawBufferPointer(buffer)) }
  }

  /// Returns when the device has the bytes.
  package func synchronize() throws(UserError) {
    if fsync(descriptor) != 0 { throw OutputFile.failure(name, "cannot be synced to the device", errno) }
  }

  /// Bytes in the file.
  func length() throws(UserError) -> Int {
    var status: stat = stat()
    guard fstat(descriptor, &status) == 0 else { throw OutputFile.failure(name, "cannot be examined", errno) }
    return Int(status.st_size)
  }

  /// Cuts the file to `length` bytes; true if that worked.
  func truncate(to length: Int) -> Bool { ftruncate(descriptor, length) == 0 }

  /// Closes the file; some systems report failed writes only here.
  func close() throws(UserError) {
    let open: Int32 = descriptor
    descriptor = -1
    if Glibc.close(open) != 0 && errno != EINTR { throw OutputFile.failure(name, "cannot be closed", errno) }
  }

  static func failure(_ name: String, _ what: String, _ number: Int32) -> UserError {
    UserError(.cannotWrite, name, "\(what): \(systemErrorText(number))")
  }
}

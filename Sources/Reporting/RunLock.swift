import Diagnostics
import Glibc

/// The right to write a run directory, which one process at a time has: a lock on the folder, as long as this lives.
///
/// The system gives it back when the process ends, however it ends.
package final class RunLock: Sendable {
  private let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Takes the lock on the folder at `path`.
  ///
  /// - Returns: `nil` where there is no folder yet, or where the file system cannot lock.
  /// - Throws: `UserError(.cannotWrite)` where another process has it.
  package static func take(_ path: String) throws(UserError) -> RunLock? {
    let descriptor: Int32 = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return RunLock(descriptor: descriptor) }
    let isHeld: Bool = errno == EWOULDBLOCK
    close(descriptor)
    guard isHeld else { return nil }
    throw UserError(
      .cannotWrite, path, "another process is writing a run there",
      hint: "wait for it, or choose another folder with --output DIR")
  }
}

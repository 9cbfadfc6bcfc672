import Diagnostics
import Glibc
import Machine
import Storage

/// The right to write a run directory, held by one process at a time while this value lives; holds the folder open.
///
/// The system's lock on the folder, which it releases when the process ends, however it ends. If the system cannot lock
/// the folder, or other machines may see it, `OwnerFile` too.
package final class RunLock: Sendable {
  package let folder: FolderHandle
  /// What the user should know about the lock.
  package let note: String?
  private let owner: OwnerFile?

  private init(folder: FolderHandle, note: String?, owner: OwnerFile?) {
    self.folder = folder
    self.note = note
    self.owner = owner
  }

  deinit { owner?.remove() }

  /// Takes the lock on the folder at `path`.
  ///
  /// - Returns: `nil` if there is no folder yet.
  /// - Throws: `UserError(.cannotWrite)` if another process has it, or if it cannot be locked.
  package static func take(_ path: String) throws(UserError) -> RunLock? {
    guard let folder = try FolderHandle.open(path, category: .cannotWrite) else { return nil }
    let isLocked = flock(folder.descriptor, LOCK_EX | LOCK_NB) == 0
    let number = errno
    guard isLocked || number != EWOULDBLOCK else {
      throw UserError(
        .cannotWrite, path, "another process is writing a run there",
        hint: "wait for it, or choose another folder with --output DIR")
    }
    guard !isLocked || FileSystemKind.isShared(descriptor: folder.descriptor) else {
      return RunLock(folder: folder, note: nil, owner: nil)
    }
    let owner = try OwnerFile.take(folder)
    let note: String? =
      isLocked
      ? nil
      : "\(path) cannot be locked by the system (\(String(cString: strerror(number)))); \(OwnerFile.name) in it says "
        + "instead that this run writes there"
    return RunLock(folder: folder, note: note, owner: owner)
  }
}

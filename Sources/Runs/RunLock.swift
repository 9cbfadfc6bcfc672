import Diagnostics
import Glibc
import Machine
import Storage

/// The right to write a run directory, which one process at a time has, as long as this lives; holds the folder open.
///
/// The system's lock on the folder, which it gives back when the process ends, however it ends. Where the system cannot
/// lock the folder, or other machines may see it, `OwnerFile` too.
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
  /// - Returns: `nil` where there is no folder yet.
  /// - Throws: `UserError(.cannotWrite)` where another process has it, or where there is no way to lock it.
  package static func take(_ path: String) throws(UserError) -> RunLock? {
    guard let folder: FolderHandle = try FolderHandle.open(path, category: .cannotWrite) else { return nil }
    let isLocked: Bool = flock(folder.descriptor, LOCK_EX | LOCK_NB) == 0
    let number: Int32 = errno
    guard isLocked || number != EWOULDBLOCK else {
      throw UserError(
        .cannotWrite, path, "another process is writing a run there",
        hint: "wait for it, or choose another folder with --output DIR")
    }
    guard !isLocked || FileSystemKind.isShared(descriptor: folder.descriptor) else {
      return RunLock(folder: folder, note: nil, owner: nil)
    }
    let owner: OwnerFile = try OwnerFile.take(folder)
    let note: String? =
      isLocked
      ? nil
      : "\(path) cannot be locked by the system (\(String(cString: strerror(number)))); \(OwnerFile.name) in it says "
        + "instead that this run writes there"
    return RunLock(folder: folder, note: note, owner: owner)
  }
}

import Diagnostics
import Glibc
import Synchronization

/// Files that exist whole or not at all, whenever the process or the machine stops.
package enum AtomicFile {
  /// Names temporary files of this process apart.
  private static let serial: Atomic<Int> = Atomic(0)

  /// Writes what `body` writes to `path`, replacing a file there only when all of it is on the device.
  ///
  /// The steps: a temporary file `.lockstep-<process>-<n>.tmp` in the target's folder, `body`, fsync, rename over the
  /// target, fsync of the folder. A symbolic link's target is replaced, not the link. The mode is 0666 less the
  /// umask. Any error removes the temporary file and leaves the old file as it was; the one exception is a failing
  /// fsync of the folder, after which the new file is in place but might not survive a power cut. Errors of the
  /// system are `.cannotWrite`; those of `body` pass through.
  /// - Parameter verified: calls `body` a second time to compare what it writes with what the device gives back.
  package static func write(
    to path: String, verified: Bool = false, _ body: (OutputFile) throws(UserError) -> Void
  ) throws(UserError) {
    let target: String = try resolve(path)
    let folder: String = PathText.folder(of: target)
    let (temporary, file): (String, OutputFile) = try openTemporary(in: folder, for: path)
    do throws(UserError) {
      try body(file)
      try file.synchronize()
      if verified {
        try file.startVerifying()
        try body(file)
        try file.finishVerifying()
      }
      try file.close()
      if FileFaults.fails(.rename) || rename(temporary, target) != 0 {
        throw OutputFile.failure(path, "cannot be replaced", errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFolder(folder, for: path)
  }

  /// Writes `bytes` to `path`, as `write(to:_:)` does.
  package static func write(_ bytes: [UInt8], to path: String) throws(UserError) {
    try write(to: path) { (file) throws(UserError) in try file.write(bytes) }
  }

  /// Writes `text` in UTF-8 to `path`, as `write(to:_:)` does.
  package static func write(_ text: String, to path: String) throws(UserError) {
    try write(Array(text.utf8), to: path)
  }

  /// Where `path` leads, if a regular file is there already; refuses folders and devices.
  private static func resolve(_ path: String) throws(UserError) -> String {
    var status: stat = stat()
    guard stat(path, &status) == 0 else { return path }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isFolder: Bool = status.st_mode & S_IFMT == S_IFDIR
      throw UserError(.cannotWrite, path, isFolder ? "is a folder; a file's path is needed" : "is not a regular file")
    }
    guard let resolved: UnsafeMutablePointer<CChar> = realpath(path, nil) else {
      throw OutputFile.failure(path, "cannot be resolved", errno)
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func openTemporary(
    in folder: String, for path: String
  ) throws(UserError) -> (String, OutputFile) {
    // A name in use is a leftover of a process with our number that was killed; try a few more.
    for attempt: Int in 1... {
      let number: Int = serial.add(1, ordering: .relaxed).newValue
      let temporary: String = "\(folder)/.lockstep-\(getpid())-\(number).tmp"
      do throws(UserError) {
        return (
          temporary, try OutputFile(path: temporary, access: O_RDWR, flags: O_CREAT | O_EXCL | O_NOFOLLOW, name: path)
        )
      } catch {
        guard attempt < 100, access(temporary, F_OK) == 0 else { throw error }
      }
    }
    preconditionFailure("The loop above ends by returning or throwing.")
  }

  private static func synchronizeFolder(_ folder: String, for path: String) throws(UserError) {
    let descriptor: Int32 =
      FileFaults.fails(.openFolder) ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw OutputFile.failure(path, "is written, but its folder cannot be opened", errno) }
    defer { _ = close(descriptor) }
    // Some network file systems cannot sync folders and say EINVAL; nothing more can be done there.
    if (FileFaults.fails(.synchronizeFolder) || fsync(descriptor) != 0) && errno != EINVAL {
      throw OutputFile.failure(path, "is written, but its folder cannot be synced", errno)
    }
  }
}

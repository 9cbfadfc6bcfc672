import Diagnostics
import Glibc
import Synchronization

/// Files that exist completely or not at all, whenever the process or the machine stops.
package enum AtomicFile {
  /// Names temporary files of this process apart.
  private static let serial = Atomic<Int>(0)

  /// Writes what `body` writes to `place`, replacing a file there only when all of it is on the device.
  ///
  /// The steps: a temporary file `.lockstep-<process>-<n>.tmp` in the target's folder, `body`, fsync, rename over the
  /// target, fsync of the folder. A symbolic link's target is replaced, not the link, except for a link in a folder that is
  /// held open. The mode is 0666 less the umask. Any error removes the temporary file and leaves the old file as it was;
  /// the one exception is a failing fsync of the folder, after which the new file is in place but might not survive a
  /// power cut. Errors of the system are `.cannotWrite`; those of `body` pass through.
  /// - Parameter verified: calls `body` a second time to compare what it writes with what the device returns.
  package static func write(
    to place: FilePlace, verified: Bool = false, _ body: (OutputFile) throws(UserError) -> Void
  ) throws(UserError) {
    let target = place.folder == nil ? FilePlace(path: try resolve(place.name)) : place
    let (temporary, file): (FilePlace, OutputFile) = try openTemporary(beside: target, for: place.path)
    do throws(UserError) {
      try body(file)
      try file.synchronize()
      if verified {
        try file.startVerifying()
        try body(file)
        try file.finishVerifying()
      }
      try file.close()
      if FileFaults.fails(.rename)
        || renameat(temporary.descriptor, temporary.name, target.descriptor, target.name) != 0
      {
        throw OutputFile.failure(place.path, "cannot be replaced", errno)
      }
    } catch {
      unlinkat(temporary.descriptor, temporary.name, 0)
      throw error
    }
    try synchronizeFolder(of: target, for: place.path)
  }

  /// Writes `bytes` to `place`, as `write(to:_:)` does.
  package static func write(_ bytes: [UInt8], to place: FilePlace) throws(UserError) {
    try write(to: place) { (file) throws(UserError) in try file.write(bytes) }
  }

  /// Writes `text` in UTF-8 to `place`, as `write(to:_:)` does.
  package static func write(_ text: String, to place: FilePlace) throws(UserError) {
    try write(Array(text.utf8), to: place)
  }

  /// The same to a path.
  package static func write(
    to path: String, verified: Bool = false, _ body: (OutputFile) throws(UserError) -> Void
  ) throws(UserError) {
    try write(to: FilePlace(path: path), verified: verified, body)
  }

  /// The same to a path.
  package static func write(_ bytes: [UInt8], to path: String) throws(UserError) {
    try write(bytes, to: FilePlace(path: path))
  }

  /// The same to a path.
  package static func write(_ text: String, to path: String) throws(UserError) {
    try write(text, to: FilePlace(path: path))
  }

  /// Where `path` leads, if a regular file is there already; refuses folders and devices.
  private static func resolve(_ path: String) throws(UserError) -> String {
    var status: stat = stat()
    guard stat(path, &status) == 0 else { return path }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw UserError(.cannotWrite, path, isFolder ? "is a folder; a file's path is needed" : "is not a regular file")
    }
    guard let resolved = realpath(path, nil) else {
      throw OutputFile.failure(path, "cannot be resolved", errno)
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func openTemporary(
    beside target: FilePlace, for path: String
  ) throws(UserError) -> (FilePlace, OutputFile) {
    // A name in use is left over from a killed process with our number; try a few more.
    for attempt in 1... {
      let number = serial.add(1, ordering: .relaxed).newValue
      let temporary = target.sibling(".lockstep-\(getpid())-\(number).tmp")
      do throws(UserError) {
        return (
          temporary,
          try OutputFile(place: temporary, access: O_RDWR, flags: O_CREAT | O_EXCL | O_NOFOLLOW, name: path)
        )
      } catch {
        guard attempt < 100, (try? temporary.exists()) == true else { throw error }
      }
    }
    preconditionFailure("The loop above ends by returning or throwing.")
  }

  private static func synchronizeFolder(of target: FilePlace, for path: String) throws(UserError) {
    guard let folder = target.folder else {
      let descriptor: Int32 =
        FileFaults.fails(.openFolder) ? -1 : open(PathText.folder(of: target.name), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw OutputFile.failure(path, "is written, but its folder cannot be opened", errno)
      }
      defer { _ = close(descriptor) }
      return try synchronizeFolder(descriptor, for: path)
    }
    try synchronizeFolder(folder.descriptor, for: path)
  }

  private static func synchronizeFolder(_ descriptor: Int32, for path: String) throws(UserError) {
    // Some network file systems cannot sync folders and say EINVAL; nothing more can be done there.
    if (FileFaults.fails(.synchronizeFolder) || fsync(descriptor) != 0) && errno != EINVAL {
      throw OutputFile.failure(path, "is written, but its folder cannot be synced", errno)
    }
  }
}

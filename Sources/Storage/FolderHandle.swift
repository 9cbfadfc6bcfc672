import Diagnostics
import Glibc

/// A folder that is held open: files named through it are in that folder, whatever becomes of its path.
package final class FolderHandle: Sendable {
  /// The path that it was opened by, for messages and for `requireInPlace`.
  package let path: String
  package let descriptor: Int32
  private let device: UInt
  private let inode: UInt

  private init(path: String, descriptor: Int32, _ status: stat) {
    self.path = path
    self.descriptor = descriptor
    (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
  }

  /// Opens the folder at `path`; `nil` if there is none.
  ///
  /// - Throws: `UserError` of `category` if the system does not say whether there is one.
  package static func open(
    _ path: String, category: UserError.Category = .inputMissing
  ) throws(UserError) -> FolderHandle? {
    let descriptor: Int32 = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    var status: stat = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      let number = errno
      if descriptor >= 0 { close(descriptor) }
      if number == ENOENT || number == ENOTDIR { return nil }
      throw UserError(category, path, "the folder cannot be opened: \(systemErrorText(number))")
    }
    return FolderHandle(path: path, descriptor: descriptor, status)
  }

  /// Makes the folder and those above it.
  ///
  /// - Throws: `UserError(.cannotWrite)` with `hint` if that fails.
  package static func make(_ path: String, hint: String = "--output DIR chooses another") throws(UserError) {
    var made = PathText.isAbsolute(path) ? "/" : "."
    for name in PathText.names(in: path) {
      made = made == "." ? name : PathText.resolve(name, in: made)
      guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
      // An existing folder on a read-only file system gives another error than EEXIST.
      let reason = String(cString: strerror(errno))
      guard access(made, F_OK) == 0 else {
        throw UserError(.cannotWrite, made, "the folder cannot be created: \(reason)", hint: hint)
      }
    }
    var status: stat = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw UserError(
        .cannotWrite, path,
        "found something that is not a folder; allowed: a folder, or a path where one can be created",
        hint: hint)
    }
  }

  deinit { close(descriptor) }

  /// A file in the folder.
  package func file(_ name: String) -> FilePlace { FilePlace(folder: self, name: name) }

  /// The names in the folder, in no order; throws `.inputMissing` where not all can be read.
  package func names() throws(UserError) -> [String] {
    let again: Int32 = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard again >= 0, let stream = fdopendir(again) else {
      let number = errno
      if again >= 0 { close(again) }
      throw UserError(.inputMissing, path, "the folder cannot be listed: \(systemErrorText(number))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
      errno = 0
    }
    guard errno == 0 else {
      throw UserError(.inputMissing, path, "the folder cannot be listed: \(systemErrorText(errno))")
    }
    return names
  }

  /// Checks that the folder is still the one at its path.
  ///
  /// - Throws: `UserError(.cannotWrite)` if it was removed, moved away or replaced.
  package func requireInPlace() throws(UserError) {
    var status: stat = stat()
    let isThere = stat(path, &status) == 0
    let reason = isThere ? "another one is there now" : systemErrorText(errno)
    guard isThere, UInt(status.st_dev) == device, UInt(status.st_ino) == inode else {
      throw UserError(
        .cannotWrite, path, "is no longer the folder that the run began in: \(reason)",
        hint: "if the folder was moved, what was written is in it")
    }
  }

  /// Removes the file `name`, if it is there.
  package func remove(_ name: String) throws(UserError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw UserError(.cannotWrite, "\(path)/\(name)", "cannot be removed: \(systemErrorText(errno))")
    }
  }

  package func rename(_ name: String, to newName: String) throws(UserError) {
    guard renameat(descriptor, name, descriptor, newName) == 0 else {
      throw UserError(.cannotWrite, "\(path)/\(name)", "cannot be renamed: \(systemErrorText(errno))")
    }
  }
}

/// Where a file is: at a path, or under a name in a folder that is held open.
package struct FilePlace: Sendable {
  package let folder: FolderHandle?
  /// A path, or the name in `folder`.
  package let name: String

  package init(path: String) { self.init(folder: nil, name: path) }

  fileprivate init(folder: FolderHandle?, name: String) {
    self.folder = folder
    self.name = name
  }

  /// What errors call the file.
  package var path: String { folder.map { "\($0.path)/\(name)" } ?? name }

  /// The folder's descriptor, which system calls take before the name.
  var descriptor: Int32 { folder?.descriptor ?? AT_FDCWD }

  /// Another file in the same folder.
  func sibling(_ other: String) -> FilePlace {
    FilePlace(folder: folder, name: folder == nil ? "\(PathText.folder(of: name))/\(other)" : other)
  }

  /// Throws `.inputMissing` if the system does not say.
  package func exists() throws(UserError) -> Bool {
    if faccessat(descriptor, name, F_OK, 0) == 0 { return true }
    if errno == ENOENT || errno == ENOTDIR { return false }
    throw UserError(.inputMissing, path, "cannot be looked for: \(systemErrorText(errno))")
  }
}

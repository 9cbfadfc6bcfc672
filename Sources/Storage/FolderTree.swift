import Diagnostics
import Glibc

/// What lies in a folder that others filled: names in the order of their bytes, hidden ones (`.name`) left out.
///
/// Symbolic links are followed; one that leads back to a folder above it is an error, not an endless tree.
package struct FolderTree: Sendable {
  package let path: String
  /// Names of the folders in it.
  package let folders: [String]
  /// Names of all else, also of what cannot be opened: the reader of a file says what is wrong with it.
  package let files: [String]
  /// Device and inode of the folder and of those that led to it.
  private let trail: [Identity]

  private struct Identity: Hashable, Sendable {
    let device: UInt
    let inode: UInt
  }

  /// Lists the folder at `path`.
  ///
  /// Throws `.inputMissing` if it is not there, is no folder, or cannot be listed.
  package init(path: String) throws(UserError) { try self.init(path: path, trail: []) }

  /// Lists the folder `name` in this one.
  ///
  /// Throws as `init(path:)`, and `.badData` if it is one of those that led to it.
  package func folder(_ name: String) throws(UserError) -> FolderTree {
    try FolderTree(path: PathText.resolve(name, in: path), trail: trail)
  }

  private init(path: String, trail: [Identity]) throws(UserError) {
    self.path = path
    var status: stat = stat()
    guard stat(path, &status) == 0 else {
      throw UserError(.inputMissing, path, "cannot be opened: \(systemErrorText(errno))")
    }
    let identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    guard !trail.contains(identity) else {
      throw UserError(.badData, path, "leads back to a folder above it", hint: "remove the symbolic link")
    }
    guard let handle = try FolderHandle.open(path) else {
      throw UserError(.inputMissing, path, "is not a folder")
    }
    self.trail = trail + [identity]
    let names = try handle.names().filter { !$0.utf8.starts(with: ".".utf8) }
    var (folders, files): ([String], [String]) = ([], [])
    for name in names.sorted(by: FolderTree.isBefore) {
      let isFolder = fstatat(handle.descriptor, name, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
      if isFolder { folders.append(name) } else { files.append(name) }
    }
    (self.folders, self.files) = (folders, files)
  }

  /// Paths, relative to this folder, of the files in it and in all folders below it, in the order of their bytes.
  package func allFiles() throws(UserError) -> [String] {
    guard !folders.isEmpty else { return files }
    var all = files
    for name in folders { all += try folder(name).allFiles().map { "\(name)/\($0)" } }
    return all.sorted(by: FolderTree.isBefore)
  }

  /// Whether a name comes first by its bytes: the order of the C locale, and the same on every machine.
  private static func isBefore(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}

import Diagnostics
import Glibc
import Machine
import Storage

/// A lock for folders that the system cannot lock reliably: a file that only one process can make, with its identity.
///
/// Created exclusively, which works on network file systems too; removed by its owner. A file whose owner is known to have
/// ended, which this machine knows only of its own processes, is taken over.
struct OwnerFile {
  static let name = ".lockstep-owner"
  /// Held by the one process that replaces the file of an owner that has ended.
  private static let takeoverName = ".lockstep-owner-takeover"

  private let folder: FolderHandle

  /// - Throws: `UserError(.cannotWrite)` if another process owns the folder, or may own it.
  static func take(_ folder: FolderHandle) throws(UserError) -> OwnerFile {
    let file = OwnerFile(folder: folder)
    if try file.make(name) { return file }
    try file.requireEnded()
    guard try file.make(takeoverName) else { throw file.refusal("another process takes it over", takeoverName) }
    defer { unlinkat(folder.descriptor, takeoverName, 0) }
    // No other process replaces it now, but one may have before.
    try file.requireEnded()
    try folder.remove(name)
    guard try file.make(name) else { throw file.refusal("another process has taken it over", name) }
    return file
  }

  func remove() { unlinkat(folder.descriptor, Self.name, 0) }

  /// False if there is such a file already.
  private func make(_ name: String) throws(UserError) -> Bool {
    let descriptor: Int32 = openat(folder.descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      guard errno != EEXIST else { return false }
      throw UserError(.cannotWrite, "\(folder.path)/\(name)", "cannot be created: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    let text: [UInt8] = Array(Self.text(.current()).utf8)
    guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
      let reason = String(cString: strerror(errno))
      unlinkat(folder.descriptor, name, 0)
      throw UserError(.cannotWrite, "\(folder.path)/\(name)", "cannot be written: \(reason)")
    }
    return true
  }

  private func requireEnded() throws(UserError) {
    // Gone meanwhile: its owner has ended.
    guard try folder.file(Self.name).exists() else { return }
    // A file that cannot be read may belong to a process that is still running.
    guard let bytes = try? readBytes(),
      let owner = Self.identity(String(decoding: bytes, as: UTF8.self))
    else {
      throw refusal("another process holds it", Self.name)
    }
    guard owner.hasEnded else {
      throw refusal("process \(owner.process) on \(owner.host) holds it", Self.name)
    }
  }

  private func readBytes() throws(UserError) -> [UInt8] {
    let input = try ByteInput(folder.file(Self.name))
    return try input.read(min(input.length, 4096))
  }

  private func refusal(_ who: String, _ name: String) -> UserError {
    UserError(
      .cannotWrite, folder.path, "another process is writing a run there: \(who) by \(name)",
      hint: "wait for it, or choose another folder with --output DIR; if no such process is running, remove the file")
  }

  /// `host`, `boot`, `process` and `start` on lines of their own.
  static func text(_ identity: ProcessIdentity) -> String {
    "\(identity.host)\n\(identity.boot)\n\(identity.process)\n\(identity.start.map(String.init) ?? "")\n"
  }

  static func identity(_ text: String) -> ProcessIdentity? {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 5, let process = Int(lines[2]), process > 0 else { return nil }
    return ProcessIdentity(
      host: String(lines[0]), boot: String(lines[1]), process: process, start: Int(lines[3]))
  }
}

import Diagnostics
import Glibc
import Storage
import Training

/// A checkpoint that a run goes on from.
package struct ResumePoint {
  package let checkpoint: Checkpoint
  /// The file it was read from.
  package let file: String
  /// What the user should know: damaged checkpoints that were passed over.
  package let notes: [String]

  package init(checkpoint: Checkpoint, file: String, notes: [String] = []) {
    self.checkpoint = checkpoint
    self.file = file
    self.notes = notes
  }

  /// The folder of the run that wrote the checkpoint.
  var folder: String { file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "." }
}

extension RunDirectory {
  /// Where the unfinished run in the folder at `path` left off; `nil` where there is none.
  ///
  /// A run is finished when its `summary.json` is there and does not say `interrupted`. A run that was killed before
  /// its first checkpoint has nothing to go on from.
  /// - Throws: `UserError(.badData)` where there are checkpoints, but all are damaged.
  package static func unfinishedRun(in path: String) throws(UserError) -> ResumePoint? {
    if let bytes: [UInt8] = try? ByteInput(path: "\(path)/summary.json").readAll(),
      !String(decoding: bytes, as: UTF8.self).contains("\"interrupted\":true")
    {
      return nil
    }
    guard let found = try CheckpointFolder(path: path).newest() else { return nil }
    return ResumePoint(checkpoint: found.checkpoint, file: found.file, notes: found.notes)
  }

  /// `metrics.jsonl` with the lines of the steps that `point` has behind it, and nothing after them.
  static func metrics(_ path: String, resuming point: ResumePoint?) throws(UserError) -> LineFile {
    let file: String = "\(path)/metrics.jsonl"
    guard let point else { return try LineFile(path: file, start: .empty) }
    let source: String = "\(point.folder)/metrics.jsonl"
    if realPath(source) != realPath(file) {
      let lines: [UInt8] = (try? ByteInput(path: source).readAll()) ?? []
      try AtomicFile.write(lines, to: file)
    }
    return try LineFile(path: file, start: .keepingFirst(point.checkpoint.recordCount))
  }

  /// Holds the folder for this process as long as the descriptor is open.
  ///
  /// - Returns: `nil` where the file system cannot lock.
  /// - Throws: `UserError(.cannotWrite)` where another process writes there.
  static func lock(_ path: String) throws(UserError) -> Int32? {
    let descriptor: Int32 = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
    let isHeld: Bool = errno == EWOULDBLOCK
    close(descriptor)
    guard !isHeld else {
      throw UserError(
        .cannotWrite, path, "another process is writing a run there",
        hint: "wait for it, or choose another folder with --output DIR")
    }
    return nil
  }

  private static func realPath(_ path: String) -> String {
    guard let resolved: UnsafeMutablePointer<CChar> = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

extension ByteInput {
  fileprivate func readAll() throws(UserError) -> [UInt8] { try read(remaining) }
}

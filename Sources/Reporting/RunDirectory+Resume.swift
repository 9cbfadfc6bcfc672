import Diagnostics
import Glibc
import Storage
import Training

/// A checkpoint that a run goes on from.
package struct ResumePoint {
  package let checkpoint: Checkpoint
  /// The file it was read from.
  package let file: String
  /// Newer checkpoints of the run that are damaged, by their steps.
  let damaged: [(step: Int, error: UserError)]

  package init(checkpoint: Checkpoint, file: String) {
    self.init(checkpoint: checkpoint, file: file, damaged: [])
  }

  init(checkpoint: Checkpoint, file: String, damaged: [(step: Int, error: UserError)]) {
    self.checkpoint = checkpoint
    self.file = file
    self.damaged = damaged
  }

  /// A sentence for the user about each damaged checkpoint.
  var notes: [String] {
    damaged.map { _, error in
      "\(error.subject): \(error.message); kept as \(CheckpointFolder.asideName(error.subject)), and the run goes on "
        + "from \(file), to the same end"
    }
  }

  /// The folder of the run that wrote the checkpoint.
  var folder: String { PathText.folder(of: file) }
}

extension RunDirectory {
  /// Where the unfinished run in the folder at `path` left off; `nil` where there is none.
  ///
  /// A run is finished when its `summary.json` is there and does not say `interrupted`. A run that was killed before
  /// its first checkpoint has nothing to go on from.
  /// - Throws: `UserError`: `.badData` where there are checkpoints, but all are damaged, and `.inputMissing` where the
  ///   newest whole one cannot be opened.
  package static func unfinishedRun(in path: String) throws(UserError) -> ResumePoint? {
    if let bytes: [UInt8] = try? ByteInput(path: "\(path)/summary.json").readAll(),
      !String(decoding: bytes, as: UTF8.self).contains("\"interrupted\":true")
    {
      return nil
    }
    return try CheckpointFolder(path: path).newest()
  }

  /// `metrics.jsonl` with the lines of the steps that `point` has behind it, and nothing after them.
  static func metrics(_ folder: FolderHandle, resuming point: ResumePoint?) throws(UserError) -> LineFile {
    let file: FilePlace = folder.file("metrics.jsonl")
    guard let point else { return try LineFile(file, start: .empty) }
    let source: String = "\(point.folder)/metrics.jsonl"
    if realPath(source) != realPath(file.path) {
      let lines: [UInt8] = (try? ByteInput(path: source).readAll()) ?? []
      try AtomicFile.write(lines, to: file)
    }
    return try LineFile(file, start: .keepingFirst(point.checkpoint.recordCount))
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

import Diagnostics
import Glibc
import Storage

/// A checkpoint that a run resumes from.
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
      "\(error.subject): \(error.message); kept as \(CheckpointFolder.asideName(error.subject)), and the run continues "
        + "from \(file), with the same result"
    }
  }

  /// Whether both are read from one file.
  package func isSameFile(as other: ResumePoint) -> Bool {
    var (own, others): (stat, stat) = (stat(), stat())
    return stat(file, &own) == 0 && stat(other.file, &others) == 0 && own.st_dev == others.st_dev
      && own.st_ino == others.st_ino
  }

  /// The folder of the run that wrote the checkpoint.
  var folder: String { PathText.folder(of: file) }
}

/// What is in a run directory.
package enum RunState {
  /// No run, or one that was killed before its first checkpoint.
  case empty
  case unfinished(ResumePoint)
  /// Nothing is left to do: with the newest checkpoint, if the run kept any.
  case finished(ResumePoint?)
}

extension RunDirectory {
  /// What the folder at `path` holds.
  ///
  /// The newest checkpoint says whether its run was at its end. The run is finished if its weights and summary are there
  /// too, whatever is in them; without a checkpoint, if either is there.
  /// - Throws: `UserError`: `.badData` if there are checkpoints, but all are damaged, and `.inputMissing` if the newest
  ///   intact one, or the folder, cannot be opened or read.
  package static func state(of path: String) throws(UserError) -> RunState {
    var results: [Bool] = []
    for name in ["weights.safetensors", "summary.json"] {
      results.append(try FilePlace(path: "\(path)/\(name)").exists())
    }
    guard let newest = try CheckpointFolder(path: path).newest() else {
      return results.contains(true) ? .finished(nil) : .empty
    }
    return newest.checkpoint.isFinished && results == [true, true] ? .finished(newest) : .unfinished(newest)
  }

  /// `metrics.jsonl` with the lines of the steps up to `point`, and nothing after them.
  static func metrics(_ folder: FolderHandle, resuming point: ResumePoint?) throws(UserError) -> LineFile {
    let file = folder.file("metrics.jsonl")
    guard let point else { return try LineFile(file, start: .empty) }
    try bring(file, from: point)
    return try LineFile(file, start: .keepingFirst(point.checkpoint.recordCount))
  }

  /// `ledger.jsonl` up to the step of `point`.
  ///
  /// - Throws: as `Ledger`, and `.inputMissing` if there is none.
  static func ledger(
    _ folder: FolderHandle, _ start: LedgerStart, resuming point: ResumePoint
  ) throws(UserError) -> Ledger {
    let file = folder.file(Ledger.fileName)
    try bring(file, from: point)
    return try Ledger(file, continuing: start, after: point.checkpoint.step)
  }

  /// Copies the file of the same name from the folder that the run resumes from, if it is another.
  private static func bring(_ file: FilePlace, from point: ResumePoint) throws(UserError) {
    let source = "\(point.folder)/\(file.name)"
    guard realPath(source) != realPath(file.path) else { return }
    let lines = try FilePlace(path: source).exists() ? ByteInput(path: source).readAll() : []
    try AtomicFile.write(lines, to: file)
  }

  private static func realPath(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

extension ByteInput {
  fileprivate func readAll() throws(UserError) -> [UInt8] { try read(remaining) }
}

import Configuration
import Diagnostics
import Glibc
import Storage

/// The folder a training run writes: `config.json`, `metrics.jsonl`, `ledger.jsonl`, checkpoints, `weights.safetensors`,
/// `receipt.json`, `summary.json`.
///
/// One process at a time writes a run directory; `RunLock` ensures that. Everything is written into the folder that the run
/// began in, and the run ends if that folder is no longer the one at its path.
package final class RunDirectory {
  package let path: String
  /// What the user should know about the run that is continued.
  package private(set) var notes: [String] = []
  private let metrics: LineFile
  /// `nil` without one.
  private var ledger: Ledger?
  private let checkpoints: CheckpointFolder
  private let rules: CheckpointConfiguration
  private let lock: RunLock

  /// Makes the folder and those above it, writes `config.json`, and removes an old `summary.json`.
  ///
  /// A new run empties `metrics.jsonl` and removes the checkpoints and weights that are there. A resumed one keeps the lines
  /// up to its checkpoint's step and removes later checkpoints, but keeps damaged ones under another name.
  /// - Parameters:
  ///   - start: what the run's ledger begins with; `nil` for none.
  ///   - lock: of the folder, if the caller has taken it already.
  ///   - isUnseen: whether there was no folder when the caller looked for a run to continue.
  /// - Throws: `UserError(.cannotWrite)` about what cannot be made or written, so that a run fails before it starts.
  package init(
    path: String, configuration: RunConfiguration, resuming point: ResumePoint? = nil, ledger start: LedgerStart? = nil,
    lock: RunLock? = nil, isUnseen: Bool = false
  ) throws(UserError) {
    self.path = path
    rules = configuration.checkpoint
    if lock == nil { try FolderHandle.make(path) }
    let found: RunLock?
    if let lock { found = lock } else { found = try RunLock.take(path) }
    guard let lock = found else {
      throw UserError(.cannotWrite, path, "the folder was removed while the run started")
    }
    self.lock = lock
    let folder = lock.folder
    checkpoints = CheckpointFolder(folder)
    try folder.requireInPlace()
    let (steps, hasSummary): ([Int], Bool) = (try checkpoints.steps, try folder.file("summary.json").exists())
    if isUnseen, !steps.isEmpty || hasSummary {
      throw UserError(
        .cannotWrite, path, "another process has written a run there while this one started",
        hint: "run again to continue it, or choose another folder with --output DIR")
    }
    if let note = lock.note { notes.append(note) }
    try checkpoints.removeLeftovers()
    try AtomicFile.write(configuration.jsonText, to: folder.file("config.json"))
    guard let point else {
      // The summary goes last: until then the run that was here counts as finished, and is not continued.
      try checkpoints.remove { _ in true }
      metrics = try Self.metrics(folder, resuming: nil)
      for name in ["weights.safetensors", Receipt.fileName, Ledger.fileName] { try folder.remove(name) }
      if let start { ledger = try Ledger(folder.file(Ledger.fileName), start) }
      try folder.remove("summary.json")
      return
    }
    // The summary goes first: from now on the run counts as unfinished, and is continued.
    try folder.remove("summary.json")
    try folder.remove(Receipt.fileName)
    for (step, _) in point.damaged { try checkpoints.setAside(step: step) }
    try checkpoints.remove { $0 > point.checkpoint.step }
    // After the checkpoints, so that at any moment the newest of them has its lines.
    metrics = try Self.metrics(folder, resuming: point)
    notes += point.notes
    if let start {
      do throws(UserError) {
        ledger = try Self.ledger(folder, start, resuming: point)
      } catch {
        guard error.category != .cannotWrite else { throw error }
        notes.append("\(error.subject) \(error.message); the run goes on without a ledger and a receipt")
      }
    }
    if metrics.keptLineCount < point.checkpoint.recordCount {
      notes.append(
        "\(metrics.path) has \(metrics.keptLineCount) of the \(point.checkpoint.recordCount) lines up to step "
          + "\(point.checkpoint.step); the run continues after them")
    }
  }

  /// Appends a line to `metrics.jsonl`.
  package func append(_ line: String) throws(UserError) {
    try lock.folder.requireInPlace()
    try metrics.append(line)
    try ledger?.write()
  }

  /// Takes a step into `ledger.jsonl`, where its line is no later than the next one of `metrics.jsonl`, or checkpoint.
  package func append(_ entry: LedgerEntry) throws(UserError) { try ledger?.append(entry) }

  /// Writes a checkpoint, and removes those that the configuration does not ask to keep.
  ///
  /// It is complete, on the device and read back before an older one is removed; so are the lines before it.
  package func keep(_ checkpoint: Checkpoint) throws(UserError) {
    try lock.folder.requireInPlace()
    try requireLines()
    try checkpoint.write(to: checkpoints.place(step: checkpoint.step))
    try checkpoints.prune(rules)
  }

  /// Writes the weights, with a ledger the receipt, and the summary that `text` gives for the names of the newest and the
  /// best checkpoint; all files are whole or not there.
  ///
  /// - Parameter metrics: values of the summary for the receipt, by their names.
  package func finish(
    weights: [NamedTensor], digest: String, metrics values: [String: Double] = [:], classNames: [String]? = nil,
    summary text: (_ newest: String?, _ best: String?) -> String
  ) throws(UserError) {
    try lock.folder.requireInPlace()
    try requireLines()
    try WeightsFile.write(weights, to: lock.folder.file("weights.safetensors"), digest: digest, classNames: classNames)
    try writeReceipt(weightsDigest: digest, values)
    var (newest, best): (String?, String?) = (nil, nil)
    if let step = try checkpoints.steps.last { newest = try checkpoints.name(step: step) }
    if let step = try checkpoints.ranked(by: rules.monitor).first { best = try checkpoints.name(step: step) }
    try AtomicFile.write(text(newest, best), to: lock.folder.file("summary.json"))
  }

  /// Where a file is that the run keeps besides those above.
  ///
  /// - Throws: `UserError(.cannotWrite)` if the folder is no longer the one that the run began in.
  package func place(of name: String) throws(UserError) -> FilePlace {
    try lock.folder.requireInPlace()
    return lock.folder.file(name)
  }

  private func writeReceipt(weightsDigest: String, _ values: [String: Double]) throws(UserError) {
    guard let ledger, let weights = SHA256Digest(weightsDigest) else { return }
    var files: [String: SHA256Digest] = [:]
    for name in Receipt.fileNames { files[name] = try ByteInput(lock.folder.file(name)).digest() }
    let receipt = Receipt(
      ledger.start, head: ledger.head, steps: ledger.steps, finalWeights: weights, metrics: values, files: files)
    try AtomicFile.write(receipt.text, to: lock.folder.file(Receipt.fileName))
  }

  /// Returns when the device has all lines of metrics and ledger.
  private func requireLines() throws(UserError) {
    try metrics.requireInPlace()
    try metrics.flush()
    try ledger?.requireInPlace()
    try ledger?.flush()
  }
}

import Diagnostics
import Glibc
import Storage
import Training

/// The folder a training run writes: `config.json`, `metrics.jsonl`, checkpoints, `weights.safetensors`, `summary.json`.
///
/// One process at a time writes a run directory; a lock on the folder sees to it.
package final class RunDirectory {
  package let path: String
  /// What the user should know about the run that is continued.
  package private(set) var notes: [String] = []
  private let metrics: LineFile
  private let checkpoints: CheckpointFolder
  private let rules: CheckpointConfiguration
  private let lock: Int32?

  /// Makes the folder and those above it, writes `config.json`, and removes an old `summary.json`.
  ///
  /// A new run empties `metrics.jsonl` and removes the checkpoints that are there. A resumed one keeps the lines up to
  /// its checkpoint's step and removes the checkpoints behind it.
  /// - Throws: `UserError(.cannotWrite)` about what cannot be made or written, so that a run fails before it starts.
  package init(
    path: String, configuration: RunConfiguration, resuming point: ResumePoint? = nil
  ) throws(UserError) {
    self.path = path
    rules = configuration.checkpoint
    checkpoints = CheckpointFolder(path: path)
    try Self.makeFolder(path)
    lock = try Self.lock(path)
    try checkpoints.removeLeftovers()
    try AtomicFile.write(configuration.jsonText, to: "\(path)/config.json")
    metrics = try Self.metrics(path, resuming: point)
    let firstUnwanted: Int = point.map { $0.checkpoint.step + 1 } ?? 0
    try checkpoints.remove { $0 >= firstUnwanted }
    guard unlink("\(path)/summary.json") == 0 || errno == ENOENT else {
      throw UserError(.cannotWrite, "\(path)/summary.json", "cannot be removed: \(String(cString: strerror(errno)))")
    }
    guard let point else { return }
    notes = point.notes
    if metrics.keptLineCount < point.checkpoint.recordCount {
      notes.append(
        "\(metrics.path) has \(metrics.keptLineCount) of the \(point.checkpoint.recordCount) lines up to step "
          + "\(point.checkpoint.step); the run goes on behind them")
    }
  }

  deinit {
    if let lock { close(lock) }
  }

  /// Writes what the event leaves behind: a line of `metrics.jsonl`, or a checkpoint.
  ///
  /// A checkpoint is whole, on the device and read back before an older one is removed; the lines before it too.
  package func record(_ event: TrainingEvent) throws(UserError) {
    switch event {
    case .step(let record, progress: false): try metrics.append(MetricsLine.step(record))
    case .epoch(let record): try metrics.append(MetricsLine.epoch(record))
    case .checkpoint(let checkpoint):
      try metrics.flush()
      try checkpoint.write(to: checkpoints.file(step: checkpoint.step))
      try checkpoints.prune(rules)
    case .started, .step(_, progress: true), .stalled: break
    }
  }

  /// Writes the weights and the summary; both are whole or not there.
  package func finish(weights: [NamedTensor], summary: TrainingSummary) throws(UserError) {
    try metrics.flush()
    try Safetensors.write(
      weights,
      metadata: ["format": "lockstep", "version": ProgramVersion.current, "digest": summary.weightsDigest],
      to: "\(path)/weights.safetensors")
    try AtomicFile.write(summary.json.compactText + "\n", to: "\(path)/summary.json")
  }

  /// Makes the folder and those above it.
  static func makeFolder(_ path: String) throws(UserError) {
    var made: String = path.hasPrefix("/") ? "/" : ""
    for part: Substring in path.split(separator: "/") {
      made += (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
      guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
      // An existing folder on a read-only file system answers with another error than EEXIST.
      let reason: String = String(cString: strerror(errno))
      guard access(made, F_OK) == 0 else {
        throw UserError(
          .cannotWrite, made, "the folder cannot be made: \(reason)", hint: "--output DIR chooses another")
      }
    }
    var status: stat = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw UserError(
        .cannotWrite, path, "found something that is no folder; allowed: a folder or a path where one can be made",
        hint: "--output DIR chooses another")
    }
  }
}

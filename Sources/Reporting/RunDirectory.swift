import Diagnostics
import Glibc
import Storage
import Training

/// The folder a training run writes: `config.json`, `metrics.jsonl`, `weights.safetensors`, `summary.json`.
package final class RunDirectory {
  package let path: String
  private let metrics: LineFile

  /// Makes the folder and those above it, writes `config.json`, empties `metrics.jsonl`, removes an old `summary.json`.
  ///
  /// - Throws: `UserError(.cannotWrite)` about what cannot be made or written, so that a run fails before it starts.
  package init(path: String, configuration: RunConfiguration) throws(UserError) {
    self.path = path
    try Self.makeFolder(path)
    try AtomicFile.write(configuration.jsonText, to: "\(path)/config.json")
    metrics = try LineFile(path: "\(path)/metrics.jsonl", start: .empty)
    guard unlink("\(path)/summary.json") == 0 || errno == ENOENT else {
      throw UserError(.cannotWrite, "\(path)/summary.json", "cannot be removed: \(String(cString: strerror(errno)))")
    }
  }

  /// Adds the event's line to `metrics.jsonl`, where it has one.
  package func record(_ event: TrainingEvent) throws(UserError) {
    switch event {
    case .step(let record, progress: false): try metrics.append(MetricsLine.step(record))
    case .epoch(let record): try metrics.append(MetricsLine.epoch(record))
    case .started, .step(_, progress: true): break
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

import Configuration
import Diagnostics
import Glibc
import Storage

/// The checkpoints in a run directory: `checkpoint-<step>.safetensors`, in older ones without leading zeros.
package struct CheckpointFolder {
  package let path: String
  /// `nil` if there is no folder.
  private let folder: FolderHandle?

  /// The folder at `path`, for reading.
  package init(path: String) throws(UserError) {
    self.path = path
    folder = try FolderHandle.open(path)
  }

  init(_ folder: FolderHandle) {
    path = folder.path
    self.folder = folder
  }

  /// The steps of the checkpoints that are there, ascending; empty if there is no folder.
  package var steps: [Int] {
    get throws(UserError) { Set(try names.map(\.step)).sorted() }
  }

  package func file(step: Int) throws(UserError) -> String { try place(step: step).path }

  /// The file of the checkpoint at `step`, or the one to write if there is none.
  func place(step: Int) throws(UserError) -> FilePlace {
    let name = try name(step: step)
    return folder?.file(name) ?? FilePlace(path: "\(path)/\(name)")
  }

  func name(step: Int) throws(UserError) -> String {
    let standard = Checkpoint.fileName(step: step)
    let found = try names.filter { $0.step == step }.map(\.name)
    return found.contains(standard) ? standard : found.first ?? standard
  }

  private var names: [(step: Int, name: String)] {
    get throws(UserError) {
      (try folder?.names() ?? []).compactMap { name in Checkpoint.step(fileName: name).map { ($0, name) } }
    }
  }

  /// The newest intact checkpoint, and the newer ones that are damaged.
  ///
  /// - Returns: `nil` if there is no checkpoint at all.
  /// - Throws: `UserError`: about the newest if all are damaged, and about a checkpoint or folder that cannot be read.
  package func newest() throws(UserError) -> ResumePoint? {
    var damaged: [(step: Int, error: UserError)] = []
    for step in try steps.reversed() {
      let file = try file(step: step)
      do throws(UserError) {
        return ResumePoint(checkpoint: try Checkpoint.open(file), file: file, damaged: damaged)
      } catch {
        // A file that cannot be read, or that a newer program wrote, may be intact, so do not skip it.
        guard error.category == .badData, try !isOfNewerProgram(step: step) else { throw error }
        damaged.append((step, error))
      }
    }
    guard let newest = damaged.first?.error else { return nil }
    throw UserError(
      newest.category, newest.subject, newest.message + (damaged.count > 1 ? "; all before it are damaged too" : ""),
      hint: "--resume never starts a new run in its place")
  }

  private func isOfNewerProgram(step: Int) throws(UserError) -> Bool {
    try metadata(step: step).map { Checkpoint.isOfNewerProgram(metadata: $0) } ?? false
  }

  /// `nil` if the file is damaged.
  private func metadata(step: Int) throws(UserError) -> [String: String]? {
    do throws(UserError) {
      return try Safetensors.metadata(place(step: step))
    } catch {
      guard error.category == .badData else { throw error }
      return nil
    }
  }

  /// Takes the checkpoint at `step` out of the run without losing it: adds `.damaged` to its name.
  func setAside(step: Int) throws(UserError) {
    for (_, name) in try names where step == Checkpoint.step(fileName: name) {
      try folder?.rename(name, to: Self.asideName(name))
    }
  }

  static func asideName(_ file: String) -> String { file + ".damaged" }

  /// Removes the checkpoints that `isUnwanted` names by their steps.
  func remove(where isUnwanted: (Int) -> Bool) throws(UserError) {
    for (step, name) in try names.sorted(by: { $0.step < $1.step }) where isUnwanted(step) { try folder?.remove(name) }
  }

  /// Removes what killed writers left; only the one process that writes here may call it.
  func removeLeftovers() throws(UserError) {
    for name in try folder?.names() ?? [] where name.hasPrefix(".lockstep-") && name.hasSuffix(".tmp") {
      try folder?.remove(name)
    }
  }

  /// Removes all but the newest `keepLast` checkpoints and the `keepBest` with the best metric, earlier ones first.
  func prune(_ rules: CheckpointConfiguration) throws(UserError) {
    let steps = try steps
    var wanted = Set<Int>(steps.suffix(rules.keepLast))
    guard wanted.count < steps.count else { return }
    if rules.keepBest > 0 { wanted.formUnion(try ranked(by: rules.monitor).prefix(rules.keepBest)) }
    try remove { !wanted.contains($0) }
  }

  /// The steps of the checkpoints whose metric is known, the best first, earlier ones first among equals.
  func ranked(by metric: Metric) throws(UserError) -> [Int] {
    var rated: [(step: Int, value: Double)] = []
    for step in try steps {
      // A damaged one is not the best; one that cannot be read now may be.
      guard let metadata = try metadata(step: step), let value = Checkpoint.value(of: metric, metadata: metadata)
      else { continue }
      rated.append((step, metric.isBetterLower ? -value : value))
    }
    return rated.sorted { ($0.value, -$0.step) > ($1.value, -$1.step) }.map(\.step)
  }
}

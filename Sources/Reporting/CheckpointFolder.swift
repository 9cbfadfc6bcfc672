import Configuration
import Diagnostics
import Glibc
import Storage
import Training

/// The checkpoints in a run directory: `checkpoint-<step>.safetensors`.
package struct CheckpointFolder {
  package let path: String
  /// `nil` where there is no folder.
  private let folder: FolderHandle?

  /// The folder at `path`, for reading.
  package init(path: String) {
    self.path = path
    folder = FolderHandle(path: path)
  }

  init(_ folder: FolderHandle) {
    path = folder.path
    self.folder = folder
  }

  /// The steps of the checkpoints that are there, ascending; empty where there is no folder.
  package var steps: [Int] { (folder?.names ?? []).compactMap { Checkpoint.step(fileName: $0) }.sorted() }

  package func file(step: Int) -> String { place(step: step).path }

  func place(step: Int) -> FilePlace {
    let name: String = Checkpoint.fileName(step: step)
    return folder?.file(name) ?? FilePlace(path: "\(path)/\(name)")
  }

  /// The newest checkpoint that is whole, and the newer ones that are damaged.
  ///
  /// - Returns: `nil` where there is no checkpoint at all.
  /// - Throws: `UserError`: about the newest where all are damaged, and about one that cannot be opened.
  package func newest() throws(UserError) -> ResumePoint? {
    var damaged: [(step: Int, error: UserError)] = []
    for step: Int in steps.reversed() {
      let file: String = file(step: step)
      do throws(UserError) {
        return ResumePoint(checkpoint: try Checkpoint.open(file), file: file, damaged: damaged)
      } catch {
        // What cannot be opened may be whole: nobody goes on behind its back.
        guard error.category == .badData else { throw error }
        damaged.append((step, error))
      }
    }
    guard let newest: UserError = damaged.first?.error else { return nil }
    throw UserError(
      newest.category, newest.subject, newest.message + (damaged.count > 1 ? "; so are all before it" : ""),
      hint: "--resume never starts a new run in its place")
  }

  /// Takes the checkpoint at `step` out of the run without losing it: adds `.damaged` to its name.
  func setAside(step: Int) throws(UserError) {
    let name: String = Checkpoint.fileName(step: step)
    try folder?.rename(name, to: Self.asideName(name))
  }

  static func asideName(_ file: String) -> String { file + ".damaged" }

  /// Removes the checkpoints that `isUnwanted` names by their steps.
  func remove(where isUnwanted: (Int) -> Bool) throws(UserError) {
    for step: Int in steps where isUnwanted(step) { try folder?.remove(Checkpoint.fileName(step: step)) }
  }

  /// Removes what killed writers left; to be called by the one process that writes here.
  func removeLeftovers() throws(UserError) {
    for name: String in folder?.names ?? [] where name.hasPrefix(".lockstep-") && name.hasSuffix(".tmp") {
      try folder?.remove(name)
    }
  }

  /// Removes all but the newest `keepLast` checkpoints and the `keepBest` with the highest accuracy, earlier ones first.
  func prune(_ rules: CheckpointConfiguration) throws(UserError) {
    let steps: [Int] = steps
    var wanted: Set<Int> = Set(steps.suffix(rules.keepLast))
    guard wanted.count < steps.count else { return }
    if rules.keepBest > 0 {
      let rated: [(step: Int, accuracy: Double)] = steps.compactMap { step in
        // One that cannot be read is no best one.
        let metadata: [String: String]? = try? Safetensors.metadata(place(step: step))
        return metadata.flatMap { Checkpoint.validationAccuracy(metadata: $0) }.map { (step, $0) }
      }
      let best = rated.sorted { ($0.accuracy, -$0.step) > ($1.accuracy, -$1.step) }
      wanted.formUnion(best.prefix(rules.keepBest).map(\.step))
    }
    try remove { !wanted.contains($0) }
  }
}

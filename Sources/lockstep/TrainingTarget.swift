import Configuration
import Diagnostics
import Glibc
import Reporting
import Runs
import Storage

/// Where a run is written, and what it resumes from.
struct TrainingTarget {
  let path: String
  /// Of the folder; `nil` where there is none yet.
  let lock: RunLock?
  /// `nil` for a new run.
  let point: ResumePoint?
  /// What the user should know about the choice.
  var notes: [String] = []

  /// Finds the folder by `--output` or the configuration's name, and what to continue by `--resume`.
  ///
  /// Without `--output`, folders with finished runs are left alone: `runs/<name>-2`, `-3` and so on are tried.
  /// - Parameter weights: those of `--weights`; only an unfinished run that started from them is continued.
  /// - Throws: `UserError`: `.usage` if a finished run would be lost, `.badConfiguration` if the configuration would
  ///   change the numbers, `.inputMissing` if there is nothing to continue.
  static func find(
    _ invocation: Invocation, _ run: RunConfiguration, weights: [NamedTensor]?
  ) throws(UserError) -> TrainingTarget {
    let target = try find(invocation, run)
    guard let point = target.point else { return target }
    if let weights, point.checkpoint.initialWeights != StateDigest.ofWeights(weights) {
      throw UserError(
        .usage, "--weights", "the unfinished run in \(target.path) did not start from these weights",
        hint:
          "--resume never starts a new run in its place; without --weights it continues; --output DIR starts another")
    }
    try point.checkpoint.requireSameNumbers(as: run, file: point.file)
    return target
  }

  /// Refuses `--resume` with `--weights`, unless it starts a new run.
  static func requireCompatible(_ invocation: Invocation) throws(UserError) {
    guard let value = invocation.value(.resume), value != "never", invocation.has(.weights) else { return }
    throw UserError(.usage, "--resume", "found \(value) with --weights; allowed: one of the two, or never")
  }

  /// The lock of a folder that a run is to write to; a dry run takes none.
  private static func lock(_ path: String, _ invocation: Invocation) throws(UserError) -> RunLock? {
    invocation.has(.dryRun) ? nil : try RunLock.take(path)
  }

  private static func find(_ invocation: Invocation, _ run: RunConfiguration) throws(UserError) -> TrainingTarget {
    let output: String? = invocation.value(.output)
    let value = invocation.value(.resume) ?? "auto"
    switch value {
    case "auto", "never": return try place(invocation, run, goesOn: value == "auto", from: nil)
    case "last":
      let path = output ?? lastFolder(run.name)
      return TrainingTarget(path: path, lock: try lock(path, invocation), point: try newest(in: path))
    default:
      guard isFolder(value) else {
        let point = ResumePoint(checkpoint: try Checkpoint.open(value), file: value)
        return try place(invocation, run, goesOn: true, from: point)
      }
      guard output == nil else { return try place(invocation, run, goesOn: true, from: try newest(in: value)) }
      return TrainingTarget(path: value, lock: try lock(value, invocation), point: try newest(in: value))
    }
  }

  /// The first folder in which no finished run would be lost.
  ///
  /// - Parameters:
  ///   - goesOn: whether an unfinished run found there is continued.
  ///   - point: the checkpoint that the user named, which may be the end of a finished run.
  private static func place(
    _ invocation: Invocation, _ run: RunConfiguration, goesOn: Bool, from point: ResumePoint?
  ) throws(UserError) -> TrainingTarget {
    var note: String?
    for number in 1... {
      let path = invocation.value(.output) ?? folder(run.name, number)
      var target = TrainingTarget(path: path, lock: try lock(path, invocation), point: point)
      if let note { target.notes = ["\(note); this one goes to \(path)"] }
      let newest: ResumePoint?
      switch try state(of: path, goesOn: goesOn && point == nil) {
      case .empty: return target
      case .unfinished(let unfinished):
        guard goesOn, point == nil else { return target }
        return TrainingTarget(path: path, lock: target.lock, point: unfinished, notes: target.notes)
      case .finished(let end):
        if invocation.has(.overwrite) { return target }
        if let point, let end, end.isSameFile(as: point) { return target }
        newest = end
      }
      guard !invocation.has(.output) else { throw refusal(path, newest, run) }
      note = note ?? text(path, newest) + (hint(newest, run).map { " (\($0))" } ?? "")
    }
    preconditionFailure("The loop above ends by returning or throwing.")
  }

  /// As `RunDirectory.state`; if all checkpoints are damaged, that is an error only for a run that resumes from them.
  private static func state(of path: String, goesOn: Bool) throws(UserError) -> RunState {
    do throws(UserError) {
      return try RunDirectory.state(of: path)
    } catch {
      guard !goesOn, error.category == .badData else { throw error }
      return .empty
    }
  }

  private static func newest(in folder: String) throws(UserError) -> ResumePoint {
    guard let point = try CheckpointFolder(path: folder).newest() else {
      throw UserError(.inputMissing, folder, "holds no checkpoint to resume from")
    }
    return point
  }

  private static func folder(_ name: String, _ number: Int) -> String {
    number == 1 ? "runs/\(name)" : "runs/\(name)-\(number)"
  }

  /// The folder of the last run of this name.
  private static func lastFolder(_ name: String) -> String {
    var number = 1
    while isFolder(folder(name, number + 1)) { number += 1 }
    return folder(name, number)
  }

  private static func isFolder(_ path: String) -> Bool {
    var status: stat = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  // MARK: Words

  private static func refusal(_ path: String, _ newest: ResumePoint?, _ run: RunConfiguration) -> UserError {
    let ways =
      ["--output DIR chooses another folder", "--overwrite replaces the run"] + (hint(newest, run).map { [$0] } ?? [])
    return UserError(.usage, "--output", text(path, newest), hint: ways.joined(separator: "; "))
  }

  private static func text(_ path: String, _ newest: ResumePoint?) -> String {
    "\(path) holds a finished run" + (newest?.checkpoint.epochs.map { " of \(NumberText.count($0, "epoch"))" } ?? "")
  }

  /// How to continue a finished run that was shorter than this one will be.
  private static func hint(_ newest: ResumePoint?, _ run: RunConfiguration) -> String? {
    guard let newest, let epochs = newest.checkpoint.epochs, run.training.epochs > epochs else { return nil }
    return "--resume \(newest.file) continues it"
  }
}

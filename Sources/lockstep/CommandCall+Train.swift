import Configuration
import Datasets
import Diagnostics
import Machine
import Reporting
import Storage
import Training

extension CommandCall {
  /// Trains, or continues an unfinished run; exit code 75 where a signal ended the run early with a checkpoint.
  ///
  /// With `--strict-placement` a mismatch throws: after the first step, or once all files are written.
  func train() throws -> Int32 {
    try requireOneTask()
    try checkResume()
    let run: RunConfiguration = try configuration()
    let initialWeights: [NamedTensor]? = try weights()
    let stop: StopFlag = StopFlag()
    RunSignals.watch(stop)
    let path: String = invocation.value(.output) ?? "runs/\(run.name)"
    let lock: RunLock? = try RunLock.take(path)
    let point: ResumePoint? = try resumePoint(path, run)
    let data: (training: ImageDataset, test: ImageDataset?) = try run.loadData()
    let trainer: Trainer = try Trainer(
      configuration: run, topology: try Topology.read(), training: data.training, test: data.test,
      initialWeights: initialWeights, weightsSource: invocation.value(.weights) ?? "weights",
      resuming: point?.checkpoint)
    trainer.options.isPlacementStrict = invocation.has(.strictPlacement)
    let directory: RunDirectory = try RunDirectory(path: path, configuration: run, resuming: point, lock: lock)
    if let point { log("continuing \(point.file) behind step \(point.checkpoint.step)") }
    warn(directory.notes)
    let console: ConsoleReporter = reporter(name: run.name)
    defer { console.finish() }
    let summary: TrainingSummary = try trainer.run(stop: stop) { event in
      console.handle(event)
      try directory.record(event)
    }
    console.finish()
    try directory.finish(weights: trainer.weights(), summary: summary)
    log(
      summary.interrupted
        ? "stopped by a signal behind step \(summary.steps); a checkpoint is in \(path): run again to continue"
        : "written to \(path)")
    try print(summary)
    if invocation.has(.strictPlacement) { try summary.placement?.requireMatch() }
    return summary.interrupted ? ExitCode.interrupted : ExitCode.success
  }

  private func checkResume() throws(UserError) {
    guard invocation.has(.resume), invocation.has(.weights) else { return }
    throw UserError(.usage, "--resume", "found with --weights; allowed: one of the two")
  }

  /// Where to go on: `--resume auto`, `never` or a checkpoint's file; a run from given weights is always a new one.
  ///
  /// - Throws: `UserError(.badConfiguration)` where the configuration would change the numbers.
  private func resumePoint(_ path: String, _ run: RunConfiguration) throws(UserError) -> ResumePoint? {
    let point: ResumePoint?
    switch invocation.value(.resume) ?? "auto" {
    case "never": return nil
    case "auto":
      guard !invocation.has(.weights) else { return nil }
      point = try RunDirectory.unfinishedRun(in: path)
    case let file: point = ResumePoint(checkpoint: try Checkpoint.open(file), file: file)
    }
    if let point { try point.checkpoint.requireSameNumbers(as: run, file: point.file) }
    return point
  }

  private func reporter(name: String) -> ConsoleReporter {
    let style: ConsoleReporter.Style =
      invocation.has(.quiet) ? .silent : StandardStreams.isTerminal && !invocation.has(.noProgress) ? .bar : .lines
    return ConsoleReporter(
      name: name, style: style, write: StandardStreams.log, columns: StandardStreams.columns,
      now: StandardStreams.seconds)
  }
}

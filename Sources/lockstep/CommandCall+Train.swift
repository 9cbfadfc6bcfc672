import Configuration
import Datasets
import Diagnostics
import Machine
import Reporting
import Runs
import Storage
import Training

extension CommandCall {
  /// Trains, or continues an unfinished run; exit code 75 where a signal ended the run early with a checkpoint.
  ///
  /// With `--strict-placement` a mismatch throws: after the first step, or once all files are written.
  func train() throws -> Int32 {
    try requireOneTask()
    try TrainingTarget.requireCompatible(invocation)
    let written = try configuration()
    // What is measured on the data must be known before runs are compared.
    var loaded: (training: ImageDataset, test: ImageDataset?)?
    if written.data.measured != .none { loaded = try written.loadData() }
    let run = loaded.map { written.measured(on: $0.training) } ?? written
    let initialWeights: [NamedTensor]? = try weights(run)?.tensors
    let stop = StopFlag()
    RunSignals.watch(stop)
    let target = try TrainingTarget.find(invocation, run, weights: initialWeights)
    let (path, point): (String, ResumePoint?) = (target.path, target.point)
    warn(target.notes)
    let data = try loaded ?? run.loadData()
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let trainer = try Trainer(
      configuration: run, topology: try Topology.read(), kernels: try kernels(), training: data.training,
      test: data.test, initialWeights: initialWeights, weightsSource: invocation.value(.weights) ?? "weights",
      resuming: point?.checkpoint)
    trainer.options.isPlacementStrict = invocation.has(.strictPlacement)
    let directory = try RunDirectory(
      path: path, configuration: run, resuming: point, lock: target.lock, isUnseen: target.lock == nil)
    if let point { log("continuing \(point.file) after step \(point.checkpoint.step)") }
    warn(directory.notes)
    let console = reporter(name: run.name)
    defer { console.finish() }
    let summary = try trainer.run(stop: stop) { event in
      console.handle(event)
      try directory.record(event)
    }
    console.finish()
    let end = try directory.finish(
      weights: trainer.weights(), summary: summary, classNames: data.training.classNames)
    log(
      summary.interrupted
        ? "stopped by a signal after step \(summary.steps); a checkpoint is in \(path): run again to continue"
        : "written to \(path)")
    do throws(UserError) {
      try print(end)
    } catch {
      // After a hang-up nothing reads the output; the run can still be continued.
      guard summary.interrupted else { throw error }
    }
    if invocation.has(.strictPlacement) { try summary.placement?.requireMatch() }
    return summary.interrupted ? ExitCode.interrupted : ExitCode.success
  }

  private func reporter(name: String) -> ConsoleReporter {
    let style: ConsoleReporter.Style =
      invocation.has(.quiet) ? .silent : StandardStreams.isTerminal && !invocation.has(.noProgress) ? .bar : .lines
    return ConsoleReporter(
      name: name, style: style, write: StandardStreams.log, columns: StandardStreams.columns,
      now: StandardStreams.seconds)
  }
}

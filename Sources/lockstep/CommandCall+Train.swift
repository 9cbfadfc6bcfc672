import Configuration
import Datasets
import Diagnostics
import Machine
import Network
import Pages
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
    let trained = try trainAndKeep()
    // The trainer's memory is free now, so that a report takes no more than the training did.
    if let report = trained.report {
      do { try report.write(to: trained.directory) } catch {
        let reason = (error as? UserError).map { "\($0.subject): \($0.message)" } ?? "\(error)"
        warn(["the run is written, but has no report: \(reason)"])
      }
    }
    let summary = trained.summary
    log(
      summary.interrupted
        ? "stopped by a signal after step \(summary.steps); a checkpoint is in \(trained.directory.path): run again to continue"
        : "written to \(trained.directory.path)")
    do throws(UserError) {
      try print(summary)
    } catch {
      // After a hang-up nothing reads the output; the run can still be continued.
      guard summary.interrupted else { throw error }
    }
    if let (trace, placement, file) = trained.trace {
      try TraceFile.write(trace, placement, to: FilePlace(path: file))
      log("the trace is in \(file)")
    }
    if invocation.has(.strictPlacement) { try summary.placement?.requireMatch() }
    return summary.interrupted ? ExitCode.interrupted : ExitCode.success
  }

  /// A run with all that must be kept of it written.
  private struct Trained {
    let directory: RunDirectory
    let summary: TrainingSummary
    let report: RunReport?
    /// Where the trace goes, if one was asked for.
    let trace: (trace: StepTrace, placement: Placement, file: String)?
  }

  private func trainAndKeep() throws -> Trained {
    let written = try configuration()
    // What is measured on the data must be known before runs are compared.
    var loaded: (training: ImageDataset, test: ImageDataset?)?
    let cache = try cacheFolder(written)
    if written.data.measured != .none { loaded = try written.loadData(cache: cache) }
    let run = loaded.map { written.measured(on: $0.training) } ?? written
    let initialWeights: [NamedTensor]? = try startingWeights(run)
    let stop = StopFlag()
    RunSignals.watch(stop)
    let target = try TrainingTarget.find(invocation, run, weights: initialWeights)
    let (path, point): (String, ResumePoint?) = (target.path, target.point)
    warn(target.notes)
    let data = try loaded ?? run.loadData(cache: cache)
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let (topology, kernels) = (try Topology.read(), try kernels())
    let trainer = try Trainer(
      configuration: run, topology: topology, kernels: kernels, training: data.training,
      test: data.test, initialWeights: initialWeights, weightsSource: invocation.value(.weights) ?? "weights",
      resuming: point?.checkpoint)
    trainer.options.isPlacementStrict = invocation.has(.strictPlacement)
    let trace = invocation.value(.trace).map {
      (trace: StepTrace(workers: trainer.plan.workerCount), placement: trainer.plan.placement, file: $0)
    }
    trainer.options.trace = trace?.trace
    let directory = try RunDirectory(
      path: path, configuration: run, resuming: point, ledger: trainer.ledgerStart, lock: target.lock,
      isUnseen: target.lock == nil)
    if let point { log("continuing \(point.file) after step \(point.checkpoint.step)") }
    warn(directory.notes)
    let mirrors = try MetricsMirrors(directory, run.logging)
    let watching = try watchServer(run, directory)
    defer { watching?.finish() }
    let console = reporter(name: run.name)
    defer { console.finish() }
    let summary = try trainer.run(stop: stop) { event in
      console.handle(event)
      try directory.record(event)
      try mirrors.add(event)
      watching?.update { $0.add(event) }
    }
    console.finish()
    let end = try directory.finish(
      weights: trainer.weights(), summary: summary, classNames: data.training.classNames)
    watching?.update { $0.end(isInterrupted: end.interrupted) }
    return Trained(
      directory: directory, summary: end,
      report: run.logging.report
        ? RunReport(
          trainer, run, topology: topology, kernels: kernels, training: data.training, test: data.test, summary: end)
        : nil, trace: trace)
  }

  /// The folder that holds the run's, for decoded images; made where they may go there.
  private func cacheFolder(_ run: RunConfiguration) throws(UserError) -> String? {
    guard case .imageFolder(let folders) = run.data.source, folders.cache != .memory else { return nil }
    let folder = invocation.value(.output).map { PathText.folder(of: $0) } ?? "runs"
    try RunDirectory.makeFolder(folder)
    return folder
  }

  /// The parameters of `--weights`; those of a last layer for another number of classes are drawn anew, as `seed` says.
  private func startingWeights(_ run: RunConfiguration) throws -> [NamedTensor]? {
    guard let file = try weights(run, newHead: true) else { return nil }
    guard !file.misfits.isEmpty else { return file.tensors }
    let table = try ParameterTable.of(run)
    var drawn: [String] = []
    let tensors = table.parameters.enumerated().map { index, parameter in
      if let tensor = file.tensors.first(where: { $0.name == parameter.name }) { return tensor }
      let shape = file.misfits.first { $0.name == parameter.name }?.shape ?? []
      drawn.append("\(parameter.name) (\(parameter.shape), in the file \(shape))")
      return NamedTensor(
        name: parameter.name, shape: parameter.shape,
        values: InitialWeights.values(of: parameter, index: index, seed: run.seed))
    }
    warn([
      "the last layer has another number of classes than the weights' and starts anew: \(drawn.joined(separator: ", "))"
    ])
    return tensors
  }

  /// What serves the run's page, if `--watch` asks for it; of a run that goes on, with its earlier lines.
  private func watchServer(_ run: RunConfiguration, _ directory: RunDirectory) throws -> WatchServer? {
    guard let text = invocation.value(.watch) else { return nil }
    guard let port = Int(text), (0...65535).contains(port) else {
      throw UserError(.usage, "--watch", "found \(text); allowed: a port from 0 (any that is free) to 65535")
    }
    let server = try WatchServer(port: port, try LiveRun(run, directory))
    log("watch the run at \(server.address)")
    return server
  }

  private func reporter(name: String) -> ConsoleReporter {
    let style: ConsoleReporter.Style =
      invocation.has(.quiet) ? .silent : StandardStreams.isTerminal && !invocation.has(.noProgress) ? .live : .lines
    return ConsoleReporter(
      name: name, style: style, write: StandardStreams.log,
      terminal: Terminal(
        columns: StandardStreams.columns, rows: StandardStreams.rows, hasColours: StandardStreams.hasColours,
        isUTF8: StandardStreams.isUTF8),
      now: StandardStreams.seconds)
  }
}

import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import MessagePassing
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
  ///
  /// Under a launcher it is one rank of a job: rank 0 writes all files and says what there is to say.
  func train() throws -> Int32 {
    try TrainingTarget.requireCompatible(invocation)
    guard !invocation.has(.dryRun) else { return try dryRun() }
    let stop = StopFlag()
    return try onRanks(first: { RunSignals.watch(stop) }) { call in
      if call.ranks == nil { return try call.trainAndReport(stop) }
      return try call.speaks ? call.trainAndReport(stop) : call.trainAlong(stop)
    }
  }

  private func trainAndReport(_ stop: StopFlag) throws -> Int32 {
    let trained = try trainAndKeep(stop)
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

  /// What a rank other than 0 does: the same steps, and no file.
  private func trainAlong(_ stop: StopFlag) throws -> Int32 {
    let trainer = try trainer(try prepare(stop))
    trainer.options.isPlacementStrict = invocation.has(.strictPlacement)
    let console = reporter(name: "")
    defer { console.finish() }
    let summary = try trainer.run(stop: stop) { event in if case .stalled = event { console.handle(event) } }
    if invocation.has(.strictPlacement) { try summary.placement?.requireMatch() }
    return summary.interrupted ? ExitCode.interrupted : ExitCode.success
  }

  /// What training begins with.
  private struct Preparation {
    let run: RunConfiguration
    /// Those of `--weights`; rank 0 has them for all.
    let weights: [NamedTensor]?
    /// On rank 0, which writes the files.
    let target: TrainingTarget?
    let training: ImageDataset
    let test: ImageDataset?
    let topology: Topology
    let kernels: KernelTable
  }

  /// Reads everything; on several ranks all go on, or none.
  private func prepare(_ stop: StopFlag) throws -> Preparation {
    let written = try together("the configuration") { try configuration() }
    // What is measured on the data must be known before runs are compared.
    // Ranks watch signals before they know each other; while they wait for each other, decoding goes on to its end.
    let isAlone = job(timeoutSeconds: Self.startSeconds) == nil
    if isAlone { RunSignals.watch(stop) }
    let reading = ReadingLine(style: progressStyle, write: StandardStreams.log, now: StandardStreams.seconds)
    let loading = loading(reading, isStopped: { isAlone && stop.isRequested })
    func load(_ run: RunConfiguration) throws -> (training: ImageDataset, test: ImageDataset?) {
      try together("the data") { try reading.clearing { try run.loadData(loading) } }
    }
    let measured = written.data.measured == .none ? nil : try load(written)
    let run = measured.map { written.measured(on: $0.training) } ?? written
    let (weights, target) = try together("the run's folder") { try beginning(run) }
    let data = try measured ?? load(run)
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    return Preparation(
      run: run, weights: weights, target: target, training: data.training, test: data.test, topology: try machine(),
      kernels: try kernels())
  }

  /// What rank 0 begins with, and where it writes.
  private func beginning(_ run: RunConfiguration) throws -> (weights: [NamedTensor]?, target: TrainingTarget?) {
    let weights = speaks ? try startingWeights(run) : nil
    let target = speaks ? try TrainingTarget.find(invocation, run, weights: weights) : nil
    warn(target?.notes ?? [])
    return (weights, target)
  }

  private func trainer(_ prepared: Preparation) throws -> Trainer {
    try Trainer(
      configuration: prepared.run, topology: prepared.topology, kernels: prepared.kernels, training: prepared.training,
      test: prepared.test, initialWeights: prepared.weights, weightsSource: invocation.value(.weights) ?? "weights",
      resuming: prepared.target?.point?.checkpoint,
      job: job(timeoutSeconds: Double(prepared.run.runtime.mpi.timeoutSeconds)))
  }

  private func trainAndKeep(_ stop: StopFlag) throws -> Trained {
    let prepared = try prepare(stop)
    guard let target = prepared.target else { preconditionFailure("The rank that writes files has a folder for them.") }
    let (run, point) = (prepared.run, target.point)
    let trainer = try trainer(prepared)
    trainer.options.isPlacementStrict = invocation.has(.strictPlacement)
    let trace = invocation.value(.trace).map {
      (trace: StepTrace(workers: trainer.plan.workerCount), placement: trainer.plan.placement, file: $0)
    }
    trainer.options.trace = trace?.trace
    let directory = try RunDirectory(
      path: target.path, configuration: run, resuming: point, ledger: trainer.ledgerStart, lock: target.lock,
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
      weights: trainer.weights(), summary: summary, classNames: prepared.training.classNames)
    watching?.update { $0.end(isInterrupted: end.interrupted) }
    return Trained(
      directory: directory, summary: end,
      report: run.logging.report
        ? RunReport(
          trainer, run, topology: prepared.topology, kernels: prepared.kernels, training: prepared.training,
          test: prepared.test, summary: end)
        : nil, trace: trace)
  }

  /// The parameters of `--weights`; those of a last layer for another number of classes are drawn anew, as `seed` says.
  func startingWeights(_ run: RunConfiguration) throws -> [NamedTensor]? {
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

  private var progressStyle: ConsoleReporter.Style {
    invocation.has(.quiet) || !speaks
      ? .silent : StandardStreams.isTerminal && !invocation.has(.noProgress) ? .live : .lines
  }

  /// Images that do not fit into memory go beside the run's folder; ranks decode images together.
  private func loading(_ reading: ReadingLine, isStopped: @escaping @Sendable () -> Bool) -> DataLoading {
    DataLoading(
      cache: invocation.value(.output).map { PathText.folder(of: $0) } ?? "runs",
      decoding: ImageDecoding(progress: { reading.show($0, of: $1) }, isStopped: isStopped),
      team: job(timeoutSeconds: Self.startSeconds)?.decodingTeam)
  }

  private func reporter(name: String) -> ConsoleReporter {
    ConsoleReporter(
      name: name, style: progressStyle, write: StandardStreams.log,
      terminal: Terminal(
        columns: StandardStreams.columns, rows: StandardStreams.rows, hasColours: StandardStreams.hasColours,
        isUTF8: StandardStreams.isUTF8),
      now: StandardStreams.seconds)
  }
}

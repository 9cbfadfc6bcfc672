import Datasets
import Diagnostics
import Machine
import Reporting
import Storage
import Training

extension CommandCall {
  /// Trains; exit code 75 where a signal ended the run early, its weights written all the same.
  func train() throws -> Int32 {
    try checkResume()
    let run: RunConfiguration = try configuration()
    let initialWeights: [NamedTensor]? = try weights()
    let stop: StopFlag = StopFlag()
    StopSignals.watch(stop)
    let data: (training: ImageDataset, test: ImageDataset?) = try run.loadData()
    let trainer: Trainer = try Trainer(
      configuration: run, topology: try Topology.read(), training: data.training, test: data.test,
      initialWeights: initialWeights)
    let directory: RunDirectory = try RunDirectory(
      path: invocation.value(.output) ?? "runs/\(run.name)", configuration: run)
    let console: ConsoleReporter = reporter(name: run.name)
    defer { console.finish() }
    let summary: TrainingSummary = try trainer.run(stop: stop) { event in
      console.handle(event)
      try directory.record(event)
    }
    console.finish()
    try directory.finish(weights: trainer.weights(), summary: summary)
    log(summary.interrupted ? "stopped by a signal; weights are in \(directory.path)" : "written to \(directory.path)")
    try print(summary)
    return summary.interrupted ? ExitCode.interrupted : ExitCode.success
  }

  private func checkResume() throws(UserError) {
    guard let resume: String = invocation.value(.resume) else { return }
    guard ["auto", "never"].contains(resume) else {
      throw UserError(.usage, "--resume", "found \(resume); allowed in this version: auto, never")
    }
    guard !invocation.has(.weights) else {
      throw UserError(.usage, "--resume", "found with --weights; allowed: one of the two")
    }
  }

  private func reporter(name: String) -> ConsoleReporter {
    let style: ConsoleReporter.Style =
      invocation.has(.quiet) ? .silent : StandardStreams.isTerminal && !invocation.has(.noProgress) ? .bar : .lines
    return ConsoleReporter(
      name: name, style: style, write: StandardStreams.log, columns: StandardStreams.columns,
      now: StandardStreams.seconds)
  }
}

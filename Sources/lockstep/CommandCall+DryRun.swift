import Configuration
import Diagnostics
import Machine
import Measuring
import Reporting
import Storage
import Training

extension CommandCall {
  /// All that `train` does before its first step and a few steps, with the same errors, and no file.
  ///
  /// Images are decoded into memory: the file that `data.cache` may put them into would be one.
  func dryRun() throws -> Int32 {
    try requireOneTask()
    for flag: Flag in [.trace, .watch] where invocation.has(flag) {
      throw UserError(.usage, flag.text, "is given with --dry-run; allowed: one of the two")
    }
    let written = try configuration()
    let data = try written.loadData()
    let run = written.measured(on: data.training)
    let initialWeights = try startingWeights(run)
    let target = try TrainingTarget.find(invocation, run, weights: initialWeights)
    warn(target.notes)
    warn(leftOut: data.training)
    warn(leftOut: data.test)
    let dryRun = try DryRun(
      configuration: run, topology: try Topology.read(), kernels: try kernels(), training: data.training,
      test: data.test, initialWeights: initialWeights, weightsSource: invocation.value(.weights) ?? "weights",
      resuming: target.point?.checkpoint)
    warn(dryRun.description.warnings)
    try print(
      DryRunSummary(
        name: run.name, run: dryRun, folder: target.path,
        continued: target.point.map { "\($0.file) after step \($0.checkpoint.step)" }))
    return ExitCode.success
  }
}

import Configuration
import Diagnostics
import Machine
import Measuring
import Reporting
import Training

extension CommandCall {
  func config() throws -> Int32 {
    let run = try configuration()
    try StandardStreams.result(invocation.has(.json) ? run.jsonValue.compactText + "\n" : run.jsonText)
    return ExitCode.success
  }

  /// The machine, or with `--topology-root` another one, and with a configuration the plan for its run.
  func topology() throws -> Int32 {
    let root: String? = invocation.value(.topologyRoot)
    let machine = try Topology.read(root: root ?? "/")
    // A copied tree does not say which kernels that machine would choose.
    let kernelName: String? = root == nil ? try kernels().name : nil
    var plan: RunPlan?
    if invocation.configuration != nil {
      let run = try configuration()
      plan = try RunPlan(run, topology: machine, kernels: try kernels(), exampleCount: run.training.batchSize)
    }
    try print(
      TopologyReport(
        topology: machine, kernels: kernelName, kernelReason: KernelText.reason(request: self.kernelName),
        placement: plan?.placement, memory: plan?.memoryPlan))
    return ExitCode.success
  }

  /// A failed check exits with 70: a wrong gradient is a fault of the program.
  func gradcheck() throws -> Int32 {
    let run = try configuration()
    let summary = GradientCheckSummary(
      rows: try GradientCheck.run(
        configuration: run, topology: try Topology.read(), kernels: try kernels(),
        training: try run.loadTrainingData()))
    try print(summary)
    return summary.passed ? ExitCode.success : UserError.Category.internalFailure.rawValue
  }
}

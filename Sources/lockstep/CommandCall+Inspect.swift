import Collectives
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

  /// The machine, or with `--topology-root` another one, and with a configuration the plan for its run; under a launcher
  /// that of rank 0, and all ranks.
  func topology() throws -> Int32 {
    if let root = invocation.value(.topologyRoot) { return try topology(try Topology.read(root: root), isThis: false) }
    return try onRanks { call in try call.topology(try call.machine(), isThis: true) }
  }

  private func topology(_ machine: Topology, isThis: Bool) throws -> Int32 {
    // A copied tree does not say which kernels that machine would choose.
    let kernelName: String? = isThis ? try kernels().name : nil
    var plan = try plan(on: machine)
    let job = job(timeoutSeconds: Self.startSeconds)
    let workers = try job.map { try $0.workers(plan?.workerCount ?? machine.usableCores.count) }
    if let job, let workers, plan != nil {
      plan = try self.plan(
        on: machine,
        place: RankPlace(
          rank: job.rank, count: job.count, workers: workers.min() ?? 1, allWorkers: workers.reduce(0, +)))
    }
    try print(
      TopologyReport(
        topology: machine, kernels: kernelName, kernelReason: KernelText.reason(request: self.kernelName),
        placement: plan?.placement, memory: plan?.memoryPlan, ranks: workers.map { report($0, plan?.ranks) }))
    return ExitCode.success
  }

  /// The plan of the configuration's run on a machine; `nil` without a configuration.
  private func plan(on machine: Topology, place: RankPlace? = nil) throws -> RunPlan? {
    guard invocation.configuration != nil else { return nil }
    let run = try configuration()
    return try RunPlan(
      run, topology: machine, kernels: try kernels(), exampleCount: run.training.batchSize, place: place)
  }

  private func report(_ workers: [Int], _ plan: RankPlan?) -> RankReport {
    RankReport(
      ranks: workers.enumerated().map { rank, workers in
        RankReport.Rank(
          host: ranks?.peers[rank].host ?? "", workers: workers, sums: plan?.sumsOfRanks[rank],
          bytesPerStep: plan?.bytesSent(by: rank))
      }, library: ranks?.library.version ?? "", ringBytes: plan?.bytesInRing)
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

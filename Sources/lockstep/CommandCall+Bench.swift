import Configuration
import Diagnostics
import Machine
import Measuring
import Pages
import Reporting
import Storage

extension CommandCall {
  /// About how long `bench throughput` measures.
  private static let benchmarkSeconds = 5.0

  /// One core's peak and bandwidth, then every layer and pass; without a configuration those of the digits net.
  func benchKernels() throws -> Int32 {
    let summary = try KernelBenchmark.run(
      configuration: try configurationOrDigits(), topology: try Topology.read(), kernels: try kernels())
    try write(summary.page)
    try print(summary)
    return ExitCode.success
  }

  /// Training steps, by all ranks of a job together; the forward pass alone, in one process.
  func benchThroughput() throws -> Int32 {
    guard invocation.has(.inference) else { return try onRanks { try $0.benchSteps() } }
    try requireOneTask()
    return try report(
      ThroughputBenchmark.inference(
        configuration: configuration(), topology: Topology.read(), kernels: kernels(), seconds: Self.benchmarkSeconds))
  }

  private func benchSteps() throws -> Int32 {
    let run = try configuration()
    return try report(
      ThroughputBenchmark.run(
        configuration: run, topology: machine(), kernels: kernels(), seconds: Self.benchmarkSeconds,
        job: job(timeoutSeconds: Double(run.runtime.mpi.timeoutSeconds))))
  }

  private func report(_ summary: ThroughputSummary) throws -> Int32 {
    warn(summary.warnings)
    try print(summary)
    return ExitCode.success
  }

  /// Throughput over worker counts, in a job over those of each rank; table, JSON and chart go to the output folder too.
  func benchScaling() throws -> Int32 {
    if invocation.value(.predict) != nil { try requireOneTask() }
    return try onRanks { try $0.benchWorkerCounts() }
  }

  private func benchWorkerCounts() throws -> Int32 {
    let run = try configuration()
    let folder = invocation.value(.output) ?? "runs/\(run.name)-scaling"
    let target: TargetTopology? = try invocation.value(.predict).map { (text) throws(UserError) in
      try TargetTopology(text: text)
    }
    let (topology, job) = (try machine(), job(timeoutSeconds: Double(run.runtime.mpi.timeoutSeconds)))
    let most = try job?.workers(topology.usableCores.count).min() ?? .max
    let summary = try ScalingBenchmark.run(
      configuration: run, topology: topology, kernels: try kernels(), counts: try invocation.workerCounts(), most: most,
      predict: target, job: job
    ) { if speaks, !invocation.has(.noProgress) { log($0) } }
    guard speaks else { return ExitCode.success }
    try summary.write(to: folder)
    try summary.page.write(to: FilePlace(path: "\(folder)/scaling.html"))
    log("written to \(folder)/scaling.txt, scaling.json, scaling.svg and scaling.html")
    try print(summary)
    return ExitCode.success
  }

  /// The all-reduce over sizes, or of `--parameters` alone; in a job the exchange between its ranks.
  func benchAllReduce() throws -> Int32 {
    try onRanks { try $0.benchSizes() }
  }

  private func benchSizes() throws -> Int32 {
    let sizes = try invocation.parameterCount().map { [$0] } ?? AllReduceBenchmark.defaultSizes
    if let job = job(timeoutSeconds: Double(try configurationOrDigits().runtime.mpi.timeoutSeconds)) {
      let summary = try ExchangeBenchmark.run(job, sizes: sizes)
      if speaks { try write(summary.page) }
      try print(summary)
      return ExitCode.success
    }
    let summary = try AllReduceBenchmark.run(
      configuration: try configurationOrDigits(), topology: try Topology.read(), kernels: try kernels(), sizes: sizes)
    try write(summary.page)
    try print(summary)
    return ExitCode.success
  }

  /// Prints what was tried and the `runtime` section found; `--write` puts it into a copy of the configuration, but an
  /// uncertain one only with `--force`.
  func tune() throws -> Int32 {
    try requireOneTask()
    let run = try configuration()
    let summary = try Tuner.run(
      configuration: run, topology: try Topology.read(), kernels: try kernels(), exhaustive: invocation.has(.exhaustive)
    ) { trial in
      if !invocation.has(.noProgress) { log(TuningText.line(trial)) }
    }
    let file: String? = invocation.value(.write)
    if let file, !summary.isUncertain || invocation.has(.force) {
      let text = try RuntimeSection.rewrite(
        configuration: invocation.configuration ?? "", resolved: run, runtime: summary.best.runtime, for: file)
      try AtomicFile.write(text, to: file)
      log("written to \(file)")
    }
    try write(summary.page)
    warn(summary.doubts.map { "the best setting is uncertain: \($0)" })
    try print(summary)
    if file != nil, !invocation.has(.force) { try summary.requireCertain() }
    return ExitCode.success
  }
}

extension CommandCall {
  /// Writes a benchmark's page where `--output` says, if it does.
  private func write(_ page: Page) throws(UserError) {
    guard let file = invocation.value(.output) else { return }
    try page.write(to: FilePlace(path: file))
    log("the page is \(file)")
  }
}

extension Invocation {
  /// The numbers of `--worker-counts`, `nil` without the flag.
  package func workerCounts() throws(UserError) -> [Int]? {
    guard let text = value(.workerCounts) else { return nil }
    let counts: [Int?] = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let known = counts.compactMap { $0 }
    guard known.count == counts.count, known.allSatisfy({ (1...4096).contains($0) }) else {
      throw UserError(.usage, "--worker-counts", "found \(text); allowed: numbers from 1 to 4096 such as 1,2,4")
    }
    return known
  }

  /// The number of `--parameters`, `nil` without the flag.
  package func parameterCount() throws(UserError) -> Int? {
    guard let text = value(.parameters) else { return nil }
    guard let count = Int(text), (1...1_000_000_000).contains(count) else {
      throw UserError(.usage, "--parameters", "found \(text); allowed: an integer from 1 to 1000000000")
    }
    return count
  }
}

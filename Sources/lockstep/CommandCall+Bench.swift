import Diagnostics
import Machine
import Reporting
import Training

extension CommandCall {
  /// About how long `bench throughput` measures.
  private static let benchmarkSeconds: Double = 5

  /// One core's peak and bandwidth, then every layer and pass; without a configuration those of the digits net.
  func benchKernels() throws {
    try print(
      try KernelBenchmark.run(configuration: try configurationOrDigits(), topology: try Topology.read()))
  }

  func benchThroughput() throws {
    let run: RunConfiguration = try configuration()
    try print(
      try ThroughputBenchmark.run(
        configuration: run, topology: try Topology.read(), seconds: Self.benchmarkSeconds))
  }
}

import Diagnostics
import KernelBuilds
import Machine
import Measuring
import Reporting

extension CommandCall {
  /// Known digests on this machine, by every build of the kernels that it can run; a wrong one exits with 70.
  func selfTest() throws -> Int32 {
    let builds = KernelBuild.allCases.filter(\.isSupported).compactMap(\.table)
    let topology = try Topology.read()
    let rows = try SelfTest.run(builds: builds, topology: topology) { row in
      if !row.passed { log("\(row.name), \(row.kernels): \(row.found), not \(row.expected ?? "in the table")") }
    }
    let summary = SelfTestSummary(rows: rows, processor: topology.processorName)
    try print(summary)
    return summary.passed ? ExitCode.success : UserError.Category.internalFailure.rawValue
  }
}

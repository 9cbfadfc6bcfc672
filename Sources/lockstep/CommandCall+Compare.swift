import KernelBuilds
import Machine
import Measuring
import Reporting

extension CommandCall {
  /// Where two runs differ first. Runs that differ are a result, not a failure.
  func compare() throws -> Int32 {
    try requireOneTask()
    let runs = try invocation.operands.map { (path) throws in
      try RunEvidence(path, overrides: try invocation.overrides(), requiresNumerics: false)
    }
    let kernels = try kernels()
    let reference = KernelBuild.portable.table ?? kernels
    let comparison = RunComparison(
      runs[0], runs[1], topology: try Topology.read(), kernels: kernels, reference: reference)
    try print(try comparison.run())
    return ExitCode.success
  }
}

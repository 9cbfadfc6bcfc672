import Diagnostics
import Machine
import Measuring
import Reporting

extension CommandCall {
  /// Parts that are replayed unless `--segments` or `--all` says otherwise.
  private static let usualSegments = 5

  /// Replays parts of a run and compares them with its ledger; what is not as recorded throws.
  func verify() throws -> Int32 {
    try requireOneTask()
    let evidence = try RunEvidence(invocation.operands[0], overrides: try invocation.overrides())
    var count: Int? = invocation.has(.all) ? nil : Self.usualSegments
    if let text = invocation.value(.segments) {
      guard !invocation.has(.all) else {
        throw UserError(.usage, "--segments", "found \(text) with --all; allowed: one of the two")
      }
      guard let number = Int(text), number >= 0 else {
        throw UserError(.usage, "--segments", "found \(text); allowed: a number of parts, from 0")
      }
      count = number
    }
    let verification = try RunVerification(
      evidence, topology: try Topology.read(), kernels: try kernels(),
      initialWeights: try weights(evidence.configuration)?.tensors)
    var generator = SystemRandomNumberGenerator()
    let summary = try verification.run(segments: count, using: &generator) { segment in
      log("replaying steps \(segment.first + 1) to \(segment.last)")
    }
    try print(summary)
    return ExitCode.success
  }
}

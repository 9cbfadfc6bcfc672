import Configuration
import TestSupport
import Testing

@testable import Measuring

@Suite struct AllReduceBenchmarkTests {
  /// One core of this machine per node: memory of a node that does not exist is refused, and the benchmark continues.
  @Test("every node takes part", arguments: [1, 2, 3])
  func everyNodeTakesPart(nodes: Int) throws {
    let summary = try AllReduceBenchmark.run(
      configuration: try ConfigurationReader.digits(), topology: .virtual(nodes: nodes, cores: 1), kernels: testKernels,
      sizes: [1, 5000], secondsPerSize: 0.01)
    #expect(summary.workers == nodes && summary.nodes == nodes)
    #expect(summary.rows.map(\.parameters) == [32, 5024])
    // Partial sums, weights and velocity read and written, and the other replicas.
    #expect(summary.rows.map(\.bytes) == [32, 5024].map { 4 * $0 * Double(nodes + 4 + nodes - 1) })
    #expect(summary.rows.allSatisfy { $0.microseconds > 0 && $0.copyMicroseconds > 0 })
  }
}

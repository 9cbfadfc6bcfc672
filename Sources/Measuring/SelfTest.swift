import Configuration
import Diagnostics
import KernelInterface
import Machine
import Network
import Runs
import Storage
import Training

/// What one build of the kernels computes, against the table of digests that is part of the program.
package struct SelfTestRow: Sendable, Hashable {
  package enum Part: String, Sendable, CaseIterable {
    case kernel, layer, training
  }
  package var part: Part
  package var name: String
  package var kernels: String
  /// `sha256:` and 64 digits.
  package var found: String
  /// `nil` if the table does not have the test.
  package var expected: String?
  package var passed: Bool { found == expected }
}

/// Kernels on fixed numbers, short trainings of a net per kind of layer, and three of known nets; on this machine, by every
/// build of the kernels that it can run. All builds have the same digests.
package enum SelfTest {
  /// - Parameter progress: called with each row as it is known.
  package static func run(
    builds: [KernelTable], topology: Topology, progress: (SelfTestRow) -> Void = { _ in }
  ) throws -> [SelfTestRow] {
    var rows: [SelfTestRow] = []
    for kernels in builds {
      func add(_ part: SelfTestRow.Part, _ name: String, _ digest: String) {
        let row = SelfTestRow(
          part: part, name: name, kernels: kernels.name, found: digest, expected: SelfTestDigests.all[name])
        rows.append(row)
        progress(row)
      }
      for (name, digest) in SelfTestKernels.digests(kernels) { add(.kernel, name, digest.text) }
      for (name, layers) in SelfTestTable.layers {
        add(.layer, name, try digest(SelfTestTable.configuration(layers: layers), topology, kernels))
      }
      for (name, text) in SelfTestTable.trainings { add(.training, name, try digest(text, topology, kernels)) }
    }
    return rows
  }

  /// `weights_digest` at the end of a run of the configuration.
  private static func digest(_ text: String, _ topology: Topology, _ kernels: KernelTable) throws -> String {
    let run = try ConfigurationReader.read(text: text, file: "selftest")
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: topology, kernels: kernels, training: data.training, test: data.test,
      initialWeights: nil)
    return try trainer.run(stop: StopFlag()) { _ in }.weightsDigest
  }
}

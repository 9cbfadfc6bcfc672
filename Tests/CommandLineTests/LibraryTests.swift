import Foundation
import Lockstep
import Testing

/// The library against the program.
@Suite struct LibraryTests {
  private static let digits =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/Config/digits.json"

  private struct Summary: Decodable {
    var digest: String
    var loss: Double

    enum CodingKeys: String, CodingKey {
      case digest = "weights_digest"
      case loss = "val_loss"
    }
  }

  @Test("a run in Swift code gives the bits of the program's run of the same configuration")
  func theLibraryGivesTheProgramsBits() async throws {
    let folder = try TemporaryFolder()
    let run = try Executable.run(
      ["train", Self.digits, "--epochs", "2", "--workers", "3", "--quiet", "--json", "--output", "run"],
      folder: folder.path)
    #expect(run.exitCode == 0, "\(run.errors)")
    let summary = try JSONDecoder().decode(Summary.self, from: Data(run.output.utf8))

    let model = Model(
      input: ImageSize(8, 8, 1),
      layers: [
        .conv2d(filters: 16, kernelSize: 3, padding: .same, activation: .relu), .maxPool2d(),
        .conv2d(filters: 32, kernelSize: 3, padding: .same, activation: .relu), .maxPool2d(), .flatten(),
        .dense(units: 64, activation: .relu), .dense(units: 10), .softmax(),
      ])
    let training = TrainingSettings(epochs: 2, batchSize: 64, optimizer: .sgd(lr: 0.05, momentum: 0.9))
    let result = try await Experiment(
      model: model, data: .digits, training: training, runtime: RuntimeSettings(workers: 2)
    ).train()
    #expect(result.weights.digest == summary.digest)
    #expect(result.valLoss == summary.loss)

    // What either writes, the other reads.
    let experiment = try Experiment(contentsOf: folder.file("run/config.json"))
    #expect(try experiment.loadWeights(from: folder.file("run/weights.safetensors")).digest == result.weights.digest)
    #expect(try await experiment.train().weights.digest == summary.digest)
    let state = try #require(result.checkpoint)
    try state.save(to: folder.file("state.safetensors"))
    let resumed = try Executable.run(
      ["train", Self.digits, "--epochs", "3", "--quiet", "--json", "--output", "on", "--resume", "state.safetensors"],
      folder: folder.path)
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    let longer = try await Experiment(
      model: model, data: .digits,
      training: TrainingSettings(epochs: 3, batchSize: 64, optimizer: .sgd(lr: 0.05, momentum: 0.9))
    ).train(from: .checkpoint(state))
    #expect(
      try JSONDecoder().decode(Summary.self, from: Data(resumed.output.utf8)).digest == longer.weights.digest)
  }
}

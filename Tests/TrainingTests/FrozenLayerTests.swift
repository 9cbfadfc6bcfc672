import Configuration
import Network
import Storage
import TestSupport
import Testing

@testable import Training

/// Layers that are not trained: their parameters and statistics stay, and a norm among them normalises by its statistics.
@Suite struct FrozenLayerTests {
  private func run(_ frozen: [String]) throws -> TestRun {
    let initial = try Safetensors.read(fixture("golden/norm-initial.safetensors")).tensors
    var model = GoldenNormTests.model(groups: nil)
    model.frozen = frozen
    return TestRun(model).with {
      $0.batchSize = 50
      $0.shuffle = false
      $0.epochs = 1
      $0.weightDecay = 0.001
      $0.initialWeights = initial
    }
  }

  @Test("five steps with frozen layers agree with PyTorch, whose frozen norms are in eval mode", arguments: [1, 3])
  func steps(workers: Int) throws {
    let golden = try Golden("frozen")
    let run = try run(["conv2d_1", "batch_norm_1", "batch_norm_2"]).with { $0.workers = workers }
    let trainer = try run.trainer(try .firstDigits(230))
    var losses: [Double] = []
    _ = try trainer.run(stop: StopFlag()) { event in
      if case .step(let step, progress: false) = event { losses.append(step.loss) }
    }
    #expect(losses.count == 5)
    for (loss, expected) in zip(losses, golden.doubles("losses")) { #expect(abs(loss - expected) <= 1e-5 * expected) }
    for tensor in trainer.weights() {
      let start = try #require(run.initialWeights?.first { $0.name == tensor.name }).values
      let end = golden.tensor(tensor.name)
      if ["conv2d_1.", "batch_norm_1.", "batch_norm_2."].contains(where: tensor.name.hasPrefix) {
        #expect(tensor.values == start && end.values == start, "\(tensor.name)")
        continue
      }
      let moved = max(distance(end.values, start), 1e-3)
      let error = distance(tensor.values, end.values)
      #expect(error <= 1e-4 * moved, "\(tensor.name): \(error / moved) of the distance it moved")
    }
  }

  @Test("a list of names means the same as trainable: false in the layers")
  func sameAsLayers() throws {
    let data = try TestData.firstDigits(230)
    let listed = try run(["conv2d_*", "batch_norm_1"])
    var marked = try run([])
    for i in marked.model.layers.indices
    where marked.model.layers[i].name.hasPrefix("conv2d_") || marked.model.layers[i].name == "batch_norm_1" {
      marked.model.layers[i].isTrainable = false
    }
    #expect(try listed.digest(data) == marked.digest(data))
    #expect(try listed.digest(data) != run([]).digest(data))
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    precondition(a.count == b.count, "Tensors of different sizes are compared.")
    return zip(a, b).map { abs(Double($0) - Double($1)) }.max() ?? 0
  }
}

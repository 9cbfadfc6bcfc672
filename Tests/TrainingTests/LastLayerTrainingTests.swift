import Datasets
import Measuring
import Network
import ReferenceKernels
import TestSupport
import Testing

@testable import Training

/// Training with every kind of layer before softmax: nets whose only parameters are a convolution's among them.
@Suite("Training of the layer before softmax")
struct LastLayerTrainingTests {
  private func example(_ name: String, _ examples: Int) throws -> (TestRun, TestData, Int) {
    let model = try #require(TestNetworks.lastLayers.first { $0.name == name }).model
    let classes = try NetworkPlan(model, capacity: ImageCapacity(shard: 1)).classes
    return (TestRun(model), try TestData.synthetic(model, examples, classes: min(classes, 10)), classes)
  }

  @Test("the same digest for any number of workers", arguments: TestNetworks.lastLayers.map(\.name))
  func workers(name: String) throws {
    let (run, data, _) = try example(name, 61)
    // Batches of 29, 29 and 3 in shards of 3: chunks, runs and their rests differ with the workers.
    let base = run.with {
      $0.batchSize = 29; $0.shardSize = 3
    }
    let expected = try base.with { $0.workers = 1 }.digest(data)
    for workers in [2, 3, 4, 7] {
      #expect(try base.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
    }
  }

  @Test("a step goes against the naive network's gradient", arguments: TestNetworks.lastLayers.map(\.name))
  func step(name: String) throws {
    let (run, data, classes) = try example(name, 9)
    let trainer = try run.with {
      $0.batchSize = 9; $0.epochs = 1; $0.shuffle = false; $0.learningRate = 1; $0.momentum = 0; $0.shardSize = 2
    }.trainer(data)
    let before = trainer.weights()
    _ = try trainer.run(stop: StopFlag()) { _ in }
    let input = run.model.input
    let bytes = try #require(data.train.bytes)
    let images = Tensor4(
      count: 9, height: input.height, width: input.width, channels: input.channels,
      values: (0..<9 * input.elementCount).map { Double(Float(Double(bytes[$0]) / 255)) })
    let expected = ReferenceNetwork(
      try ModelGraph(run.model),
      parameters: Dictionary(uniqueKeysWithValues: before.map { ($0.name, $0.values.map(Double.init)) })
    ).pass(images, labels: (0..<9).map { Int(data.train.labels[$0]) }).gradients
    for (old, new) in zip(before, trainer.weights()) {
      let moved = zip(old.values, new.values).map { Double($0) - Double($1) }
      let gradient = try #require(expected[old.name])
      #expect(classes == 1 || gradient.contains { abs($0) > 1e-4 }, "\(old.name) has a gradient to compare")
      #expect(worstRelativeError(moved, gradient) < 1e-3, "\(old.name)")
    }
  }

  @Test("the gradient check passes", arguments: TestNetworks.lastLayers.map(\.name))
  func gradientCheck(name: String) throws {
    let (run, data, _) = try example(name, 4)
    for row in try GradientCheck.run(
      configuration: run.configuration, topology: try machine(), kernels: testKernels, training: data.train,
      elementsPerTensor: 48)
    {
      #expect(row.passed, "\(row.layer).\(row.tensor): \(row.worstError)")
    }
  }
}

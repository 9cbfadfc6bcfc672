import Network
import ReferenceKernels
import TestSupport
import Testing

@testable import Training

/// Batch norms over groups of shards, which no worker waits for.
@Suite("Batch norm over groups of examples")
struct GroupNormTests {
  /// 83 examples in batches of 26, 26, 26 and 5, shards of 3: groups are ragged, and in the last batch one is the batch.
  private static func run(_ model: ModelSpecification) throws -> (TestRun, TestData) {
    let run = TestRun(model).with {
      $0.batchSize = 26; $0.shardSize = 3
    }
    return (run, try TestData.synthetic(model, 83, classes: 3))
  }

  @Test("gives the same digest for 1 to 17 workers, on nodes, in every build", arguments: 0..<3)
  func places(index: Int) throws {
    let (run, data) = try Self.run(TestNetworks.groups(of: 3)[index])
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in 2...17 {
      #expect(try run.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
    }
    let placed = run.with {
      $0.workers = 5; $0.policy = .close; $0.topology = .virtual(nodes: 2, cores: 3)
    }
    #expect(try placed.digest(data) == expected)
    for kernels in runnableKernels { #expect(try run.with { $0.kernels = kernels }.digest(data) == expected) }
    #expect(try run.with { $0.memoryFill = 0xFF }.digest(data) == expected)
  }

  @Test("the weights' average takes running statistics in after their step, whoever computed them")
  func average() throws {
    let (plain, data) = try Self.run(TestNetworks.groups(of: 3)[0])
    let run = plain.with { $0.training = { $0.weightAverage = .init(decay: 0.5) } }
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in [2, 7] { #expect(try run.with { $0.workers = workers }.digest(data) == expected) }
    let placed = run.with {
      $0.workers = 4; $0.policy = .close; $0.topology = .virtual(nodes: 2, cores: 3)
    }
    #expect(try placed.digest(data) == expected)
  }

  /// A group of several shards, with weights whose momentum after one step at rate 0 is the gradient.
  @Test("gives the naive twins' losses and gradients, the last group being smaller", arguments: 0..<3, [1, 3])
  func agreesWithReference(index: Int, workers: Int) throws {
    let model = TestNetworks.groups(of: 3)[index]
    let data = try TestData.synthetic(model, 20, classes: 3)
    let run = TestRun(model).with {
      $0.batchSize = 20; $0.shardSize = 3; $0.shuffle = false; $0.epochs = 1; $0.workers = workers
      $0.learningRate = 1; $0.momentum = 0
    }
    let trainer = try run.trainer(data)
    let before = trainer.weights()
    var losses: [Double] = []
    _ = try trainer.run(stop: StopFlag()) { event in
      if case .step(let step, progress: false) = event { losses.append(step.loss) }
    }
    let bytes = try #require(data.train.bytes)
    let input = model.input
    let images = Tensor4(
      count: 20, height: input.height, width: input.width, channels: input.channels,
      values: (0..<20 * input.elementCount).map { Double(Float(Double(bytes[$0]) / 255)) })
    let expected = ReferenceNetwork(
      try ModelGraph(model),
      parameters: Dictionary(uniqueKeysWithValues: before.map { ($0.name, $0.values.map(Double.init)) })
    ).pass(images, labels: (0..<20).map { Int(data.train.labels[$0]) })
    #expect(losses.count == 1 && abs(losses[0] - expected.loss) < 1e-4 * expected.loss)
    for (start, end) in zip(before, trainer.weights()) where !start.name.contains("running") {
      let gradient = zip(start.values, end.values).map { Double($0) - Double($1) }
      let values = try #require(expected.gradients[start.name])
      // A bias before a norm has no gradient except rounding.
      let scale = max(0.01, values.map(abs).max() ?? 0)
      let worst = zip(gradient, values).map { abs($0 - $1) }.max() ?? 0
      #expect(worst / scale < 1e-3, "\(start.name): \(worst)")
    }
  }

  @Test("running statistics are the groups' means and variances over n − 1, weighted by examples")
  func statistics() throws {
    let model = ModelSpecification(
      input: ImageShape(height: 4, width: 3, channels: 2),
      layers: TestNetworks.named([
        LayerKind(BatchNorm(momentum: 0.8, groupExamples: 6)), .flatten, .dense(units: 3), .softmax,
      ]))
    let data = try TestData.synthetic(model, 20, classes: 3)
    let bytes = try #require(data.train.bytes)
    for workers in [1, 2, 7] {
      let run = TestRun(model).with {
        $0.batchSize = 20; $0.shardSize = 3; $0.shuffle = false; $0.epochs = 1; $0.workers = workers
      }
      let trainer = try run.trainer(data)
      _ = try trainer.run(stop: StopFlag()) { _ in }
      let weights = trainer.weights()
      for channel in 0..<2 {
        var (mean, variance) = (0.0, 0.0)
        for first in stride(from: 0, to: 20, by: 6) {
          let examples = first..<min(first + 6, 20)
          let values = examples.flatMap { n in
            (0..<12).map { Double(Float(Double(bytes[(n * 12 + $0) * 2 + channel]) / 255)) }
          }
          let own = values.reduce(0, +) / Double(values.count)
          mean += Double(examples.count) / 20 * own
          variance +=
            Double(examples.count) / 20 * values.reduce(0) { $0 + ($1 - own) * ($1 - own) } / Double(values.count - 1)
        }
        let found = try ["running_mean", "running_var"].map { part in
          Double(try #require(weights.first { $0.name == "batch_norm_1.\(part)" }).values[channel])
        }
        #expect(
          abs(found[0] - 0.2 * mean) < 1e-6 && abs(found[1] - (0.8 + 0.2 * variance)) < 1e-6, "\(workers) workers")
      }
    }
  }

  @Test("a group of the batch's size is the whole batch: the same losses and weights but for rounding")
  func wholeBatch() throws {
    func weights(_ size: Int?) throws -> [Float] {
      let model = ModelSpecification(
        input: ImageShape(height: 6, width: 4, channels: 3),
        layers: TestNetworks.named([
          TestNetworks.conv(5, 3), LayerKind(BatchNorm(groupExamples: size)), .relu, .flatten, .dense(units: 3),
          .softmax,
        ]))
      let (run, data) = try Self.run(model)
      let trainer = try run.trainer(data)
      _ = try trainer.run(stop: StopFlag()) { _ in }
      return trainer.weights().flatMap(\.values)
    }
    let (whole, one, groups) = (try weights(nil), try weights(42), try weights(6))
    #expect(zip(whole, one).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(zip(whole, groups).contains { abs($0 - $1) > 1e-3 })
  }

  @Test("an interrupted run goes on with the same numbers, with other workers too")
  func resumed() throws {
    let layers = """
      [{ type: 'conv2d', filters: 5, kernel_size: 3 }, { type: 'batch_norm', virtual_batch_size: 6 }, { type: 'relu' },
       { type: 'flatten' }, { type: 'dense', units: 4 }, { type: 'softmax' }]
      """
    let whole = try ResumeRun([.set("model.layers", layers)]).run()
    var run = try ResumeRun([.set("model.layers", layers)])
    for step in 1...12 {
      run.configuration.runtime.workers = .count(step % 4 + 1)
      let stop = StopFlag()
      stop.request()
      let part = try run.run(stop: stop)
      run.checkpoint = part.trace.checkpoints.last
      if step == 12 { #expect(part.summary.weightsDigest == whole.summary.weightsDigest) }
    }
  }

  @Test("groups that are no whole shards, and groups of one value per channel, are refused")
  func mistakes() throws {
    func error(_ size: Int, batch: Int, _ kinds: [LayerKind] = []) throws -> (subject: String?, message: String?) {
      let model = ModelSpecification(
        input: ImageShape(height: 4, width: 4, channels: 1),
        layers: TestNetworks.named([
          .flatten, .dense(units: 3), LayerKind(BatchNorm(groupExamples: size)), .dense(units: 3), .softmax,
        ]))
      let run = TestRun(model).with {
        $0.batchSize = batch; $0.shardSize = 4
      }
      let data = try TestData.synthetic(model, 40, classes: 3)
      let error = userError { _ = try run.trainer(data) }
      return (error?.subject, error?.message)
    }
    let parts = try error(6, batch: 20)
    #expect(parts.subject == "model.layers[2] (batch_norm_1)")
    #expect(parts.message?.contains("6 is not a multiple of runtime.shard_size 4") == true)
    // Groups of 8, 8 and 1 example.
    let single = try error(8, batch: 17)
    #expect(single.subject == parts.subject && single.message?.contains("a group of 1 example") == true)
    #expect(try error(8, batch: 18).message == nil)
  }
}

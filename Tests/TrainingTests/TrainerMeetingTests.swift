import Machine
import Network
import TestSupport
import Testing

@testable import Training

/// Nets of which every example depends on all others of its batch, through the trainer.
@Suite("Training with meetings in the middle of a pass")
struct TrainerMeetingTests {
  /// 83 examples in batches of 40, 40 and 3: with many workers some have no shard, in the last batch most.
  private static func run(_ index: Int) throws -> (TestRun, TestData) {
    let run = TestRun(TestNetworks.meeting[index]).with {
      $0.batchSize = 40; $0.shardSize = 3
    }
    return (run, try TestData.synthetic(run.model, 83, classes: 3))
  }

  @Test("gives the same digest for 1 to 17 workers", arguments: TestNetworks.meeting.indices)
  func workers(index: Int) throws {
    let (run, data) = try Self.run(index)
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in 2...17 {
      #expect(try run.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
    }
  }

  @Test("gives the same digest for 1 and 3 workers with a preset")
  func preset() throws {
    let preset = try #require(PresetRegistry.preset(named: "resnet20"))
    let run = TestRun(preset.model(classes: 10)).with {
      $0.batchSize = 6; $0.shardSize = 2
    }
    let data = try TestData.synthetic(run.model, 11, classes: 10)
    let expected = try run.with { $0.workers = 1 }.digest(data)
    #expect(try run.with { $0.workers = 3 }.digest(data) == expected)
  }

  @Test("gives the same digest on any number of nodes, in every build, whatever memory held before")
  func places() throws {
    let (run, data) = try Self.run(1)
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for nodes in [2, 3, 8] {
      let placed = run.with {
        $0.workers = 2 * nodes + 1; $0.policy = .close; $0.topology = .virtual(nodes: nodes, cores: 3)
      }
      #expect(try placed.digest(data) == expected, "\(nodes) nodes")
    }
    for kernels in runnableKernels { #expect(try run.with { $0.kernels = kernels }.digest(data) == expected) }
    #expect(try run.with { $0.memoryFill = 0xFF }.digest(data) == expected)
  }

  @Test("sums over the batch, however it is cut into shards", arguments: TestNetworks.meeting.indices)
  func shardSizes(index: Int) throws {
    let (run, data) = try Self.run(index)
    func weights(_ shardSize: Int) throws -> [Float] {
      let trainer = try run.with { $0.shardSize = shardSize }.trainer(data)
      _ = try trainer.run(stop: StopFlag()) { _ in }
      return trainer.weights().flatMap(\.values)
    }
    let whole = try weights(40)
    let cut = try weights(3)
    #expect(zip(whole, cut).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(whole != cut)
  }

  @Test("a batch of one value per channel is refused by everything that trains, the last of an epoch too")
  func onePerChannel() throws {
    let model = ModelSpecification(
      input: ImageShape(height: 4, width: 4, channels: 1),
      layers: TestNetworks.named([.flatten, .dense(units: 3), .batchNorm, .relu, .dense(units: 3), .softmax]))
    // The second batch of 11 has one example.
    let run = TestRun(model).with { $0.batchSize = 10 }
    let data = try TestData.synthetic(model, 11, classes: 3)
    let plan = try RunPlan(run.configuration, topology: try machine(), kernels: testKernels, exampleCount: 11)
    for error in [
      userError { _ = try run.trainer(data) },
      userError { _ = try TimedSteps(of: plan, on: data.train, skipping: 0, keeping: 1) { _ in true } },
    ] {
      #expect(error?.category == .badConfiguration && error?.subject == "model.layers[2] (batch_norm_1)")
      #expect(error?.message.contains("a batch of 1 example") == true)
    }
    _ = try run.with { $0.batchSize = 9 }.trainer(data)
    // Over the pixels of one image there is a variance.
    let image = ModelSpecification(
      input: model.input,
      layers: TestNetworks.named([TestNetworks.conv(3, 3), .batchNorm, .flatten, .dense(units: 3), .softmax]))
    _ = try TestRun(image).with { $0.batchSize = 10 }.digest(data)
  }
}

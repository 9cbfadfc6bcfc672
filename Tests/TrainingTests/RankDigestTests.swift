import Collectives
import Configuration
import Network
import Runs
import TestSupport
import Testing

@testable import Training

/// Ranks of a job decide who computes which shards and who updates which weights, never what comes out.
@Suite("The same digest on any number of ranks")
struct RankDigestTests {
  @Test("of any number of workers", arguments: DigestTests.cases)
  func ranks(_ example: DigestTests.Case) throws {
    let expected = try example.run.with { $0.workers = 1 }.digest(example.data)
    for (ranks, workers) in [(1, 2), (2, 1), (2, 3), (3, 2), (5, 1), (5, 3)] {
      let run = example.run.with { $0.workers = workers }
      let digests = try withRanks(ranks, seed: UInt64(10 * ranks + workers)) { job in
        try run.trainer(example.data, job).run(stop: StopFlag()) { _ in }.weightsDigest
      }.map { try $0.get() }
      #expect(digests == [String](repeating: expected, count: ranks), "\(ranks) ranks of \(workers) workers")
    }
  }

  @Test("with replicas on several nodes of each", arguments: [2, 3])
  func nodes(count: Int) throws {
    for example in DigestTests.cases {
      let expected = try example.run.with { $0.workers = 1 }.digest(example.data)
      let run = example.run.with {
        $0.workers = 2 * count; $0.policy = .scatter; $0.topology = .virtual(nodes: count, cores: 2)
      }
      let digests = try withRanks(3, seed: UInt64(count)) { job in
        let trainer = try run.trainer(example.data, job)
        let digest = try trainer.run(stop: StopFlag()) { _ in }.weightsDigest
        let (shared, floats) = (trainer.session.shared, trainer.plan.memory.parameterFloats)
        let weights = shared.replicas.map { [Float](UnsafeBufferPointer(start: $0.weights, count: floats)) }
        #expect(weights.count == count && weights.allSatisfy { $0 == weights[0] })
        return digest
      }.map { try $0.get() }
      #expect(digests == [String](repeating: expected, count: 3), "\(example.name)")
    }
  }

  @Test("with layers that need sums over the whole batch, or over groups of it", arguments: 0..<8)
  func meetings(index: Int) throws {
    let models = TestNetworks.meeting + TestNetworks.groups(of: 3)
    // No group of a batch is too small for a variance.
    let batch = index < TestNetworks.meeting.count ? 40 : 26
    let run = TestRun(models[index]).with { ($0.batchSize, $0.shardSize) = (batch, 3) }
    let data = try TestData.synthetic(run.model, 83, classes: 3, tests: 11)
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for (ranks, workers) in [(2, 1), (3, 2), (5, 3)] {
      let own = run.with { $0.workers = workers }
      let digests = try withRanks(ranks, seed: UInt64(index)) {
        try own.trainer(data, $0).run(stop: StopFlag()) { _ in }.weightsDigest
      }
      .map { try $0.get() }
      #expect(digests == [String](repeating: expected, count: ranks), "\(ranks) ranks of \(workers) workers")
    }
  }

  @Test("with a preset, its norms and its shortcuts")
  func preset() throws {
    let preset = try #require(PresetRegistry.preset(named: "resnet20"))
    let run = TestRun(preset.model(classes: 10)).with { ($0.batchSize, $0.shardSize, $0.workers) = (6, 2, 1) }
    let data = try TestData.synthetic(run.model, 11, classes: 10)
    let expected = try run.digest(data)
    let digests = try withRanks(2) { try run.trainer(data, $0).run(stop: StopFlag()) { _ in }.weightsDigest }
      .map { try $0.get() }
    #expect(digests == [expected, expected])
  }

  /// Nets whose dense layers are exchanged behind the passes of the others.
  static let overlapped: [DigestTests.Case] = {
    let pixelwise = ModelSpecification(
      input: ImageShape(height: 32, width: 32, channels: 1),
      layers: TestNetworks.named([TestNetworks.conv(64, 1), .relu, .flatten, .dense(units: 5), .softmax]))
    guard let data = try? TestData.synthetic(pixelwise, 300, classes: 5) else {
      fatalError("Synthetic data cannot be made.")
    }
    return [
      DigestTests.cases[2],
      // A worker of two takes its images of a batch in several runs, and a run in several chunks.
      DigestTests.Case(
        name: "pixelwise",
        run: TestRun(pixelwise).with {
          ($0.batchSize, $0.shardSize, $0.learningRate) = (240, 8, 1e-4)
        }, data: data),
    ]
  }()

  @Test("whether dense layers are exchanged behind computing or not", arguments: overlapped)
  func overlap(_ example: DigestTests.Case) throws {
    let expected = try example.run.with { $0.workers = 1 }.digest(example.data)
    for (ranks, workers, nodes) in [(2, 1, 1), (2, 3, 1), (3, 2, 1), (5, 3, 1), (9, 2, 1), (2, 4, 2)] {
      for overlaps in [true, false] {
        let run = example.run.with {
          ($0.workers, $0.overlaps) = (workers, overlaps)
          if nodes > 1 { ($0.policy, $0.topology) = (.scatter, .virtual(nodes: nodes, cores: 2)) }
        }
        let name: Comment = "\(ranks) ranks of \(workers) workers on \(nodes) nodes, overlap: \(overlaps)"
        let results = try withRanks(ranks, seed: UInt64(10 * ranks + workers)) { job in
          let trainer = try run.trainer(example.data, job)
          let summary = try trainer.run(stop: StopFlag()) { _ in }
          return (summary.weightsDigest, trainer.plan, trainer.session.exchange?.tallies ?? [], summary.steps)
        }.map { try $0.get() }
        for (digest, plan, tallies, steps) in results {
          #expect(digest == expected, name)
          #expect(plan.buckets.count == (overlaps ? 2 : 1), name)
          let counts = tallies.filter { $0.name.hasPrefix("dense") }.map(\.count)
          #expect(counts == (overlaps ? [steps, steps] : []), name)
        }
      }
    }
  }

  @Test("and each rank keeps the optimizer's state of its segment alone")
  func segments() throws {
    let run = TestRun(TestNetworks.lenet).with { $0.workers = 2 }
    let data = try TestData.synthetic(run.model, 40, classes: 10)
    let plans = try withRanks(3) { try run.trainer(data, $0).plan }.map { try $0.get() }
    let trained = plans[0].memory.trainedFloats
    #expect(plans.map(\.memory.updatedFloats).reduce(0, +) == trained)
    for plan in plans {
      #expect(plan.memory.optimizerBytes == 4 * plan.memory.updatedFloats)
      for bucket in plan.buckets {
        #expect(abs(bucket.own.count - bucket.floats.count / 3) <= 1024)
        #expect(bucket.segments.first?.lowerBound == bucket.own.lowerBound)
        #expect(bucket.segments.last?.upperBound == bucket.own.upperBound)
      }
    }
  }
}

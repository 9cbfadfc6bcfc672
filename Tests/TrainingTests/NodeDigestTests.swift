import Collectives
import Configuration
import Diagnostics
import Machine
import Runs
import TestSupport
import Testing

@testable import Training

/// Nodes decide where memory lies and in which phases gradients are added, never what comes out.
@Suite("The same digest on any number of nodes")
struct NodeDigestTests {
  @Test("with one replica of the weights per node, all equal at the end", arguments: DigestTests.cases)
  func nodes(_ example: DigestTests.Case) throws {
    let expected = try example.run.with { $0.workers = 1 }.digest(example.data)
    for nodes in [1, 2, 3, 4, 8] {
      for workers in [nodes, 2 * nodes + 1] {
        let trainer = try example.run.with {
          $0.workers = workers; $0.policy = .close; $0.topology = .virtual(nodes: nodes, cores: 3)
        }.trainer(example.data)
        // `close` fills a node before the next one.
        let used = (min(workers, 3 * nodes) + 2) / 3
        #expect(trainer.plan.groups.count == used && trainer.session.shared.replicas.count == used)
        let summary = try trainer.run(stop: StopFlag()) { _ in }
        #expect(summary.weightsDigest == expected, "\(workers) workers on \(used) nodes")
        expectEqualReplicas(trainer.session.shared)
      }
    }
  }

  @Test("with workers scattered, so that every node has some, whole or ragged", arguments: [2, 3, 5, 8])
  func scattered(nodes: Int) throws {
    let data = try TestData.firstDigits(230)
    let run = TestRun(TestNetworks.digits).with {
      $0.policy = .scatter; $0.shardSize = 5
    }
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in [nodes, nodes + 1, 2 * nodes - 1, 3 * nodes] {
      let trainer = try run.with {
        $0.workers = workers; $0.topology = .virtual(nodes: nodes, cores: 4)
      }.trainer(data)
      #expect(trainer.plan.groups.map(\.memoryNode) == (0..<nodes).map { $0 })
      #expect(try trainer.run(stop: StopFlag()) { _ in }.weightsDigest == expected, "\(workers) workers")
      expectEqualReplicas(trainer.session.shared)
    }
  }

  @Test("with a copy of the data on every node, or its pages spread", arguments: MemoryConfiguration.Dataset.allCases)
  func datasets(policy: MemoryConfiguration.Dataset) throws {
    let data = try TestData.firstDigits(130, test: true)
    let run = TestRun(TestNetworks.digits).with {
      $0.memory = MemoryConfiguration(dataset: policy, hugePages: policy == .interleave)
    }
    func records(_ run: TestRun) throws -> [[Double]] {
      var records: [[Double]] = []
      try run.train(data) { event in
        switch event {
        case .step(let step, progress: false): records.append([step.loss, step.accuracy])
        case .epoch(let epoch): records.append([epoch.validationLoss ?? .nan, epoch.validationAccuracy ?? .nan])
        default: break
        }
      }
      return records
    }
    let expected = try records(TestRun(TestNetworks.digits).with { $0.workers = 1 })
    #expect(expected.count == 2 * 3 + 2)
    #expect(
      try records(
        run.with {
          $0.workers = 5; $0.policy = .scatter; $0.topology = .virtual(nodes: 3, cores: 2)
        }) == expected)
  }

  @Test("and copies of the data only where they fit")
  func copiesFit() throws {
    let data = try TestData.firstDigits(1000)
    func placed(
      _ policy: MemoryConfiguration.Dataset, nodes: Int = 4, spare: Int?
    ) throws -> DatasetPlacement {
      let run = TestRun(TestNetworks.digits).with {
        $0.workers = nodes; $0.policy = .scatter; $0.topology = .virtual(nodes: nodes, cores: 2)
        $0.memory.dataset = policy
      }
      let plan = try RunPlan(
        run.configuration, topology: try #require(run.topology), kernels: testKernels, exampleCount: data.train.count)
      let available = spare.map { AvailableMemory(bytes: plan.memory.totalBytes + $0, source: "test") }
      return try PlacedDataset(data.train, plan, available: available).policy
    }
    let copies = 3 * data.train.memory.reduce(0) { $0 + $1.count }
    #expect(copies == 3 * 1000 * (64 + 4))
    #expect(try placed(.auto, spare: 4 * copies) == .copies)
    #expect(try placed(.auto, spare: 4 * copies - 1) == .interleaved)
    #expect(try placed(.auto, spare: -1) == .interleaved)
    #expect(try placed(.auto, spare: nil) == .copies)
    #expect(try placed(.interleave, spare: nil) == .interleaved)
    #expect(try placed(.perNode, spare: copies) == .copies)
    #expect(try placed(.perNode, nodes: 1, spare: 0) == .whole)
    #expect {
      _ = try placed(.perNode, spare: copies - 1)
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.subject == "runtime.memory.dataset"
        && error?.message.contains("each of 4 nodes") == true
    }
  }

  @Test("with given weights and after an interruption on another machine")
  func continued() throws {
    let data = try TestData.firstDigits(100)
    let run = TestRun(TestNetworks.digits).with { $0.epochs = 3 }
    let expected = try run.digest(data)
    func part(_ nodes: Int, epochs: Int, from checkpoint: Checkpoint?) throws -> (String, Checkpoint) {
      let part = run.with {
        $0.epochs = epochs; $0.workers = 2 * nodes; $0.policy = .close
      }
      var configuration = part.configuration
      configuration.checkpoint.everyEpochs = 1
      let trainer = try Trainer(
        configuration: configuration, topology: .virtual(nodes: nodes, cores: 2), kernels: testKernels,
        training: data.train, test: nil, initialWeights: nil, resuming: checkpoint)
      var last: Checkpoint?
      let summary = try trainer.run(stop: StopFlag()) { if case .checkpoint(let taken) = $0 { last = taken } }
      return (summary.weightsDigest, try #require(last))
    }
    let (_, first) = try part(3, epochs: 1, from: nil)
    let (_, second) = try part(1, epochs: 2, from: first)
    #expect(try part(4, epochs: 3, from: second).0 == expected)
  }

  /// More workers than Dispatch has threads in one class, eight replicas, and two CPUs or however many there are.
  @Test("with 600 workers on eight nodes")
  func sixHundredWorkers() throws {
    let data = try TestData.synthetic(smallModel, 700, classes: 3)
    let run = TestRun(smallModel).with {
      $0.batchSize = 650; $0.shardSize = 1
    }
    let expected = try run.with { $0.workers = 1 }.digest(data)
    let trainer = try run.with {
      $0.workers = 600; $0.policy = .close; $0.topology = .virtual(nodes: 8, cores: 75)
    }.trainer(data)
    #expect(trainer.plan.groups.map(\.workers.count) == [Int](repeating: 75, count: 8))
    #expect(try trainer.run(stop: StopFlag()) { _ in }.weightsDigest == expected)
    expectEqualReplicas(trainer.session.shared)
  }

  @Test("and one replica on one node, whoever has no memory", arguments: [false, true])
  func oneReplica(hasMemorylessNode: Bool) throws {
    let topology = Topology.virtual(nodes: hasMemorylessNode ? 2 : 1, cores: 2, memoryless: [1])
    let trainer = try TestRun(TestNetworks.digits).with {
      $0.workers = hasMemorylessNode ? 4 : 2; $0.policy = .close; $0.topology = topology
    }.trainer(try .firstDigits(50))
    #expect(trainer.session.shared.replicas.count == 1)
    #expect(trainer.plan.fullBatch.across.isEmpty)
    #expect(trainer.plan.placement.workers.allSatisfy { $0.memoryNode == 0 })
  }

  /// What is computed from the weights differs in padding lanes that are never read; the digests of later steps test it.
  private func expectEqualReplicas(_ shared: SharedState) {
    let count = shared.plan.network.parameters.packedCount
    let weights = shared.replicas.map { [Float](UnsafeBufferPointer(start: $0.weights, count: count)) }
    #expect(weights.allSatisfy { $0 == weights[0] })
  }
}

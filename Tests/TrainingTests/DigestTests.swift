import Configuration
import KernelInterface
import Network
import Runs
import TestSupport
import Testing

@testable import Training

/// The promise: the same bits whatever computes them.
@Suite("The same digest")
struct DigestTests {
  /// A net, its data, and batches that end ragged.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var run: TestRun
    var data: TestData
    var testDescription: String { name }
  }

  static let cases: [Case] = {
    guard let odd = try? TestData.synthetic(TestNetworks.odd, 73, classes: 3, tests: 11),
      let lenet = try? TestData.synthetic(TestNetworks.lenet, 83, classes: 10)
    else { fatalError("Synthetic data cannot be made.") }
    return [
      Case(name: "digits", run: TestRun(TestNetworks.digits), data: .digits),
      Case(
        name: "odd",
        run: TestRun(TestNetworks.odd).with {
          $0.batchSize = 31; $0.shardSize = 4
        }, data: odd),
      Case(
        name: "lenet",
        run: TestRun(TestNetworks.lenet).with {
          $0.batchSize = 40; $0.shardSize = 3
        }, data: lenet),
    ]
  }()

  @Test("for any number of workers, pinned or not", arguments: cases)
  func workersAndPlacement(_ example: Case) throws {
    let reference = try example.run.with { $0.workers = 1 }.trainer(example.data)
    let initial = WeightsDigest.of(reference.weights())
    let expected = try reference.run(stop: StopFlag()) { _ in }.weightsDigest
    #expect(expected != initial)
    #expect(expected == WeightsDigest.of(reference.weights()))
    for workers in [1, 2, 3, 5, 8, 17] {
      for policy in [RuntimeConfiguration.Policy.close, .none] {
        let trainer = try example.run.with {
          $0.workers = workers; $0.policy = policy
        }.trainer(example.data)
        #expect(trainer.plan.workerCount == workers)
        #expect(trainer.plan.placement.workers.allSatisfy { ($0.cpu != nil) == (policy == .close) })
        let summary = try trainer.run(stop: StopFlag()) { _ in }
        #expect(summary.weightsDigest == expected, "\(workers) workers, \(policy)")
      }
    }
  }

  @Test("for any number of workers with other shard sizes", arguments: [1, 7, 16, 50, 64])
  func shardSizes(shardSize: Int) throws {
    let data = try TestData.firstDigits(230)
    let run = TestRun(TestNetworks.digits).with { $0.shardSize = shardSize }
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in [2, 3, 4, 8, 17] {
      #expect(try run.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
    }
  }

  @Test("whatever memory held before", arguments: cases)
  func memory(_ example: Case) throws {
    let run = example.run.with { $0.epochs = 1 }
    let expected = try run.digest(example.data)
    for fill in [0x00, 0xFF, 0x7F] as [UInt8] {
      #expect(
        try run.with {
          $0.memoryFill = fill; $0.workers = 3
        }.digest(example.data) == expected, "fill \(fill)")
    }
  }

  @Test("for every build of the kernels", arguments: cases)
  func builds(_ example: Case) throws {
    let few = try example.name == "digits" ? TestData.firstDigits(70) : example.data
    let run = example.run.with {
      $0.epochs = 1; $0.batchSize = 33
    }
    let digests = try runnableKernels.enumerated().map { index, kernels in
      try run.with {
        $0.kernels = kernels; $0.workers = index + 1
      }.digest(few)
    }
    #expect(Set(digests).count == 1)
    #expect(runnableKernels.map(\.name).contains("portable"))
  }

  @Test("with a batch larger than the data set, workers without shards, and more workers than cores")
  func idleWorkers() throws {
    let data = try TestData.firstDigits(45)
    let run = TestRun(TestNetworks.digits).with {
      $0.batchSize = 1000; $0.epochs = 3
    }
    let expected = try run.with { $0.workers = 1 }.digest(data)
    // Three shards: 4 and 40 workers leave some without work.
    for workers in [2, 3, 4, 40] {
      let trainer = try run.with {
        $0.workers = workers; $0.policy = .close
      }.trainer(data)
      #expect(trainer.description.notes.contains { $0.contains("idle") } == (workers > 3), "\(workers) workers")
      #expect(try trainer.run(stop: StopFlag()) { _ in }.weightsDigest == expected, "\(workers) workers")
    }
    // A batch as large as the data set is the same batch.
    #expect(try run.with { $0.batchSize = 45 }.digest(data) == expected)
  }

  @Test("with Nesterov momentum and weight decay")
  func optimizer() throws {
    let data = try TestData.firstDigits(230)
    let plain = TestRun(TestNetworks.digits).with { $0.workers = 1 }
    let variants = [
      plain, plain.with { $0.nesterov = true }, plain.with { $0.weightDecay = 0.01 },
      plain.with {
        $0.nesterov = true; $0.weightDecay = 0.01
      }, plain.with { $0.momentum = 0 },
    ]
    var digests: Set<String> = []
    for variant in variants {
      let expected = try variant.digest(data)
      digests.insert(expected)
      for workers in [3, 8] {
        #expect(try variant.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
      }
    }
    #expect(digests.count == variants.count)
  }

  @Test("with every optimizer, and with a limit of the gradient's norm", arguments: GoldenOptimizerTests.cases)
  func optimizers(variant: GoldenOptimizerTests.Case) throws {
    let data = try TestData.firstDigits(230)
    let run = TestRun(TestNetworks.digits).with {
      ($0.workers, $0.optimizer) = (1, variant.optimizer)
      $0.training = variant.change
    }
    let expected = try run.digest(data)
    for workers in [2, 3, 8, 17] {
      #expect(try run.with { $0.workers = workers }.digest(data) == expected, "\(workers) workers")
    }
  }

  @Test("for the same seed, and another for another seed, order or rate")
  func seeds() throws {
    let data = try TestData.firstDigits(130)
    let run = TestRun(TestNetworks.digits)
    let expected = try run.digest(data)
    #expect(try run.digest(data) == expected)
    #expect(try run.with { $0.seed = 2 }.digest(data) != expected)
    #expect(try run.with { $0.seed = 1 << 32 | 1 }.digest(data) != expected)
    #expect(try run.with { $0.shuffle = false }.digest(data) != expected)
    #expect(try run.with { $0.learningRate = 0.0500001 }.digest(data) != expected)
  }

  @Test("of losses and hits, step by step")
  func metrics() throws {
    let data = try TestData.firstDigits(230, test: true)
    func records(workers: Int) throws -> [[Double]] {
      var records: [[Double]] = []
      try TestRun(TestNetworks.digits).with { $0.workers = workers }.train(data) { event in
        switch event {
        case .step(let step, progress: false): records.append([step.loss, step.accuracy])
        case .epoch(let epoch):
          records.append([epoch.validationLoss ?? .nan, epoch.validationAccuracy ?? .nan])
        default: break
        }
      }
      return records
    }
    let expected = try records(workers: 1)
    #expect(expected.count == 2 * 5 + 2)
    #expect(expected.joined().allSatisfy { $0.isFinite })
    for workers in [2, 3, 8, 17] { #expect(try records(workers: workers) == expected, "\(workers) workers") }
  }

  @Test("is SHA-256 of the parameters' little-endian bytes, weight before bias")
  func format() throws {
    // sha256 of 1.0, -2.0 as F32: 00 00 80 3f 00 00 00 c0.
    #expect(
      WeightsDigest.of([.init(name: "a", shape: [1], values: [1]), .init(name: "b", shape: [1], values: [-2])])
        == "sha256:ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b")
    let trainer = try TestRun(TestNetworks.digits).trainer(try .firstDigits(10))
    #expect(
      trainer.weights().map(\.name)
        == ["conv2d_1", "conv2d_2", "dense_1", "dense_2"].flatMap { ["\($0).weight", "\($0).bias"] })
  }
}

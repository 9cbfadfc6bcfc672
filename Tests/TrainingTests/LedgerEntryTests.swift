import Configuration
import KernelInterface
import Machine
import Runs
import Storage
import TestSupport
import Testing

@testable import Training

/// What a run publishes for its ledger.
@Suite struct LedgerEntryTests {
  private struct Trace: Equatable {
    var start: LedgerStart?
    var entries: [LedgerEntry] = []
  }

  private func trace(_ run: TestRun, _ data: TestData) throws -> Trace {
    let trainer = try run.trainer(data)
    var trace = Trace(start: trainer.ledgerStart)
    _ = try trainer.run(stop: StopFlag()) { if case .ledger(let entry) = $0 { trace.entries.append(entry) } }
    return trace
  }

  private let run = TestRun(TestNetworks.digits).with { ($0.epochs, $0.batchSize, $0.shardSize) = (2, 40, 4) }

  @Test("any number of workers has the same entries", arguments: 1...17)
  func anyNumberOfWorkers(workers: Int) throws {
    let data = try TestData.firstDigits(110)
    let one = try trace(run.with { $0.workers = 1 }, data)
    #expect(one.entries.map(\.step) == Array(1...6))
    #expect(one.entries.map { $0.weights != nil } == [false, false, true, false, false, true], "at the ends of epochs")
    #expect(try trace(run.with { $0.workers = workers }, data) == one)
  }

  @Test("any build of the kernels and any number of nodes has the same entries")
  func anyBuild() throws {
    let data = try TestData.firstDigits(110, test: true)
    let net = run.with { $0.model = TestNetworks.narrowLenet }
    let lenet = try TestData.synthetic(TestNetworks.narrowLenet, 90, classes: 10)
    let expected = (try trace(run, data), try trace(net, lenet))
    for kernels in runnableKernels {
      #expect(try trace(run.with { $0.kernels = kernels }, data) == expected.0, "\(kernels.name)")
      #expect(try trace(net.with { $0.kernels = kernels }, lenet) == expected.1, "\(kernels.name)")
    }
    for nodes in 2...3 {
      let nodes = run.with { ($0.workers, $0.policy, $0.topology) = (5, .close, .virtual(nodes: nodes, cores: 3)) }
      #expect(try trace(nodes, data) == expected.0)
    }
  }

  @Test("an entry says which examples, which loss and which weights")
  func whatAnEntrySays() throws {
    let data = try TestData.firstDigits(50)
    let plain = run.with { ($0.shuffle, $0.epochs, $0.batchSize) = (false, 1, 20) }
    let entries = try trace(plain, data).entries
    for (index, entry) in entries.enumerated() {
      let ids: [UInt8] = (index * 20..<min(50, index * 20 + 20)).flatMap { [UInt8($0), 0, 0, 0] }
      #expect(entry.batch == ids.withUnsafeBytes { SHA256.value(of: $0) })
    }
    var losses: [Double] = []
    let trainer = try plain.trainer(data)
    _ = try trainer.run(stop: StopFlag()) {
      if case .step(let record, progress: false) = $0 { losses.append(record.loss) }
    }
    #expect(zip(entries, [20.0, 20, 10]).map { Double(bitPattern: $0.loss) / $1 } == losses)
    let tree = try #require(trainer.session.shared.weightsTree)
    trainer.session.shared.weights.withMemoryRebound(to: UInt32.self, capacity: tree.wordCount) {
      tree.hash($0, blocks: 0..<tree.blockCount, testKernels)
    }
    #expect(entries.last?.weights == tree.root(testKernels))
    #expect(try trace(plain, data).start?.weights != entries.last?.weights)
  }

  @Test("data, seed and configuration are in the first line")
  func whatTheStartSays() throws {
    let data = try TestData.firstDigits(50)
    let start = try #require(try run.trainer(data).ledgerStart)
    #expect(try run.with { $0.workers = 1 }.trainer(data).ledgerStart == start)
    let other = try #require(try run.with { $0.seed = 2 }.trainer(data).ledgerStart)
    #expect(other.configuration != start.configuration && other.weights != start.weights && other.data == start.data)
    let less = try #require(try run.trainer(try TestData.firstDigits(49)).ledgerStart)
    #expect(less.data != start.data && less.configuration == start.configuration)
    #expect(try run.trainer(try TestData.firstDigits(50, test: true)).ledgerStart?.data != start.data)
  }

  @Test("without a ledger there are no entries")
  func without() throws {
    var configuration = run.configuration
    configuration.ledger.everySteps = 0
    let data = try TestData.firstDigits(50)
    let trainer = try Trainer(
      configuration: configuration, topology: try machine(), kernels: testKernels, training: data.train, test: nil,
      initialWeights: nil)
    #expect(trainer.ledgerStart == nil)
    _ = try trainer.run(stop: StopFlag()) { if case .ledger = $0 { Issue.record("an entry") } }
  }

  @Test("a run that was interrupted publishes the entries that are missing", arguments: [1, 5, 7])
  func interrupted(step: Int) throws {
    var run = try ResumeRun()
    let whole = try run.run().trace.ledger
    #expect(whole.count == 12)
    run.configuration.checkpoint.everySteps = step
    var checkpoint: Checkpoint?
    _ = try run.run { if case .checkpoint(let taken) = $0, taken.step == step { checkpoint = taken } }
    let taken: Checkpoint = try #require(checkpoint)
    run.checkpoint = taken
    #expect(try run.run().trace.ledger == Array(whole[step...]))
  }
}

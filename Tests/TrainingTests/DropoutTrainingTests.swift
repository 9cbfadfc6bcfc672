import Network
import TestSupport
import Testing

@testable import Training

@Suite("Training with dropout")
struct DropoutTrainingTests {
  private func run() throws -> (TestRun, TestData) {
    let run = TestRun(TestNetworks.dropout).with {
      $0.batchSize = 20; $0.shardSize = 3
    }
    return (run, try TestData.synthetic(run.model, 53, classes: 4))
  }

  @Test("gives the same digest for any number of workers and nodes, in every build")
  func places() throws {
    let (run, data) = try run()
    let expected = try run.with { $0.workers = 1 }.digest(data)
    for workers in [2, 3, 5, 8] { #expect(try run.with { $0.workers = workers }.digest(data) == expected) }
    let placed = run.with {
      $0.workers = 5; $0.policy = .close; $0.topology = .virtual(nodes: 2, cores: 3)
    }
    #expect(try placed.digest(data) == expected)
    for kernels in runnableKernels { #expect(try run.with { $0.kernels = kernels }.digest(data) == expected) }
    #expect(try run.with { $0.memoryFill = 0xFF }.digest(data) == expected)
    #expect(try run.with { $0.seed = 2 }.digest(data) != expected)
  }

  /// Without shuffling and with a learning rate of 0 every epoch would be the last one again.
  @Test("an epoch drops other values than the one before, an example the same in any batch")
  func draws() throws {
    let (run, data) = try run()
    func losses(_ batchSize: Int, shuffle: Bool) throws -> [Double] {
      var losses: [Double] = []
      let still = run.with {
        $0.learningRate = 1e-30; $0.momentum = 0; $0.shuffle = shuffle; $0.batchSize = batchSize; $0.shardSize = 1
      }
      try still.train(data) { event in
        if case .epoch(let record) = event { losses.append(record.means.loss) }
      }
      return losses
    }
    let expected = try losses(20, shuffle: false)
    #expect(expected.count == 2 && abs(expected[0] - expected[1]) > 1e-4)
    for (batchSize, shuffle) in [(20, true), (53, false), (7, true)] {
      for (loss, other) in zip(try losses(batchSize, shuffle: shuffle), expected) { #expect(abs(loss - other) < 1e-6) }
    }
  }

  @Test("an interrupted run drops the same as a whole one, with other workers too")
  func resumed() throws {
    let layers = """
      [{ type: 'conv2d', filters: 5, kernel_size: 3, activation: 'relu' }, { type: 'dropout', rate: 0.3 },
       { type: 'flatten' }, { type: 'dense', units: 9, activation: 'gelu' }, { type: 'dropout', rate: 0.5 },
       { type: 'dense', units: 4 }, { type: 'softmax' }]
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
    #expect(run.checkpoint?.step == 12)
  }
}

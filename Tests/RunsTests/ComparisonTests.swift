import Configuration
import Diagnostics
import Foundation
import KernelInterface
import Measuring
import Reporting
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// `lockstep compare`: the first step, shard and tensor in which two runs differ.
@Suite struct ComparisonTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A net with norms, dropout and an average of the weights; all else as in `configuration`.
  private static let normed: [(String, String)] = [
    (
      "model.layers",
      """
      [{ type: 'conv2d', filters: 3, kernel_size: 3 }, { type: 'batch_norm' }, { type: 'relu' },
       { type: 'conv2d', filters: 4, kernel_size: 1 }, { type: 'batch_norm' }, { type: 'dropout', rate: 0.2 },
       { type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'softmax' }]
      """
    ), ("training.ema", "{ decay: 0.5 }"), ("training.optimizer", "{ type: 'adamw', lr: 0.01 }"),
  ]

  private func configuration(_ overrides: [(String, String)] = []) throws -> RunConfiguration {
    try ConfigurationReader.read(
      text: """
        { model: { input: [4, 4, 1], layers: [
            { type: 'conv2d', filters: 3, kernel_size: 3 }, { type: 'relu' }, { type: 'flatten' },
            { type: 'dense', units: 3 }, { type: 'softmax' } ] },
          data: { format: 'synthetic', examples: 24, test_examples: 0, classes: 3 },
          training: { epochs: 5, batch_size: 8 }, runtime: { workers: 4, shard_size: 2, placement: { policy: 'none' } },
          checkpoint: { every_epochs: 1, keep_last: 100 }, ledger: { every_steps: 2 }, logging: { every_steps: 2 } }
        """, file: "small.json",
      overrides: overrides.map { ConfigurationOverride(path: $0.0, text: $0.1, origin: $0.0) })
  }

  @discardableResult
  private func train(
    _ name: String, _ fault: GradientFault? = nil, _ overrides: [(String, String)] = [],
    kernels: KernelTable = testKernels
  ) throws -> RunEvidence {
    let run = try configuration(overrides)
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: kernels, training: data.training, test: data.test,
      initialWeights: nil)
    trainer.options.gradientFault = fault
    let directory = try RunDirectory(path: folder.file(name), configuration: run, ledger: trainer.ledgerStart)
    let summary = try trainer.run(stop: StopFlag()) { try directory.record($0) }
    try directory.finish(weights: trainer.weights(), summary: summary)
    return try RunEvidence(folder.file(name), requiresNumerics: false)
  }

  private func compare(
    _ a: RunEvidence, _ b: RunEvidence, _ fault: GradientFault? = nil, kernels: KernelTable = testKernels
  ) throws -> ComparisonSummary {
    var comparison = RunComparison(
      a, b, topology: try .read(), kernels: kernels, reference: runnableKernels[0])
    comparison.options.gradientFault = fault
    return try comparison.run()
  }

  @Test("equal runs are equal, whatever their workers")
  func equal() throws {
    let summary = try compare(train("a"), train("b", nil, [("runtime.workers", "1")]))
    #expect(summary.isSame && summary.firstStep == nil && summary.comparisons <= 4)
  }

  /// A flipped bit in one gradient of one shard in one step, which the replay has too.
  @Test(
    "a fault that repeats is found: step, shard and tensor", arguments: [0, 4, 11],
    [("conv2d_1.weight", 1), ("dense_1.bias", 3)])
  func repeating(step: Int, place: (tensor: String, shard: Int)) throws {
    let plan = try RunPlan(configuration(), topology: try .read(), kernels: testKernels, exampleCount: 24)
    let parameter = try #require(plan.network.parameters.parameters.first { $0.name == place.tensor })
    let fault = GradientFault(step: step, shard: place.shard, position: parameter.offset, bit: 21)
    let summary = try compare(train("a"), train("b", fault), fault)
    let first = try #require(summary.firstStep)
    #expect(first > step && first <= step + 2, "at the fault, or at the next digest of weights or loss")
    #expect(summary.comparisons <= 5, "of 15 steps")
    #expect(summary.replayAgrees == [false, true], "the replay has the fault")
    let found = try #require(summary.shard)
    #expect(found.step == step + 1 && found.shard == place.shard && found.of == 4)
    #expect(found.tensors == [place.tensor] && found.pass == .weightGradient)
  }

  @Test(
    "in a net with norms, too: step, shard and tensor", arguments: [0, 4, 11],
    [("conv2d_1.weight", 1), ("batch_norm_2.weight", 0), ("dense_1.bias", 3)])
  func repeatingWithNorms(step: Int, place: (tensor: String, shard: Int)) throws {
    let run = try configuration(Self.normed)
    let plan = try RunPlan(run, topology: try .read(), kernels: testKernels, exampleCount: 24)
    let parameter = try #require(plan.network.parameters.parameters.first { $0.name == place.tensor })
    let fault = GradientFault(step: step, shard: place.shard, position: parameter.offset, bit: 21)
    let summary = try compare(train("a", nil, Self.normed), train("b", fault, Self.normed), fault)
    #expect(summary.replayAgrees == [false, true], "the replay has the fault")
    let found = try #require(summary.shard)
    #expect(found.step == step + 1 && found.shard == place.shard && found.of == 4)
    #expect(found.tensors == [place.tensor] && found.sums == nil)
  }

  @Test(
    "a norm's sums that one build computes differently are found: step, shard and layer", arguments: [1, 7, 14],
    [(norm: 1, shard: 2), (norm: 2, shard: 0), (norm: 1, shard: 3)])
  func sums(step: Int, place: (norm: Int, shard: Int)) throws {
    // The first values of all maps that the norms of one worker sum: shards of the first, of the second, then backward.
    let values = Mutex<[UInt32]>([])
    let recording = testKernels.changed(productSums: { products in
      testKernels.productSums(products)
      let value = products.a.start[0].bitPattern
      if !products.accumulates { values.withLock { $0.append(value) } }
    })
    let good = try train("a", nil, Self.normed + [("runtime.workers", "1")], kernels: recording)
    let index = 16 * step + 4 * (place.norm - 1) + place.shard
    let value = try #require(values.withLock { $0.count == 16 * 15 ? $0[index] : nil })
    let faulty = testKernels.changed(productSums: { products in
      testKernels.productSums(products)
      let isForward = products.a.start == products.b.start
      if isForward, !products.accumulates, products.a.start[0].bitPattern == value { products.sums[0] += 1 }
    })
    let summary = try compare(good, train("b", nil, Self.normed, kernels: faulty), kernels: faulty)
    #expect(summary.replayAgrees == [false, true])
    let found = try #require(summary.shard)
    #expect(found.step == step + 1 && found.shard == place.shard && found.pass == .forward && found.tensors == [])
    #expect(found.sums == "batch_norm_\(place.norm)")
  }

  /// Where the gradient of the last layer's first bias is.
  private func lastBias() throws -> Int {
    let plan = try RunPlan(configuration(), topology: try .read(), kernels: testKernels, exampleCount: 24)
    return try #require(plan.network.parameters.parameters.first { $0.name == "dense_1.bias" }).offset
  }

  @Test("for a fault that does not repeat, the replay says which run is false")
  func notRepeating() throws {
    let fault = GradientFault(step: 7, shard: 2, position: try lastBias(), bit: 22)
    let (good, bad) = (try train("a"), try train("b", fault))
    #expect(try compare(good, bad).replayAgrees == [true, false])
    #expect(try compare(good, bad).shard == nil)
    #expect(try compare(bad, good).replayAgrees == [false, true])
  }

  @Test("differences in configuration and data are named first")
  func settings() throws {
    let run = try train("a")
    let other = try compare(run, train("b", nil, [("training.optimizer.lr", "0.06"), ("logging.every_steps", "3")]))
    #expect(other.settings == ["training.optimizer.lr: 0.05 and 0.06"] && other.firstStep == 2 && other.shard == nil)
    let seed = try compare(run, train("c", nil, [("seed", "2")]))
    #expect(seed.settings == ["seed: 1 and 2", "data: the examples differ"] && seed.firstStep == 1)
    let digests = try compare(run, train("d", nil, [("ledger.every_steps", "3")]))
    #expect(digests.isSame, "how often weights are hashed is not a difference")
  }

  @Test("10,000 steps take at most 14 comparisons")
  func bisection() throws {
    let overrides = [
      ("data.examples", "8"), ("training.epochs", "10000"), ("checkpoint.every_epochs", "0"),
      ("ledger.every_steps", "1000"),
      ("logging.every_steps", "100000"), ("runtime.workers", "1"),
    ]
    let run = try train("a", nil, overrides)
    let fault = GradientFault(step: 6789, shard: 2, position: try lastBias(), bit: 22)
    let other = try train("b", fault, overrides)
    let first = zip(run.ledger.entries, other.ledger.entries).first { $0 != $1 }?.0.step
    let summary = try compare(run, other)
    #expect(summary.firstStep == first && summary.comparisons <= 14, "\(summary.comparisons)")
    #expect(summary.replayAgrees == [true, false])
  }
}

import Configuration
import Diagnostics
import KernelInterface
import Synchronization
import TestSupport
import Testing

@testable import Training

/// The check of a shard by another worker: it changes no bit, and a flipped bit stops the run.
@Suite struct AuditTests {
  private func configuration(_ run: TestRun, every steps: Int) -> RunConfiguration {
    var configuration = run.configuration
    configuration.runtime.auditEverySteps = steps
    return configuration
  }

  private func train(_ run: TestRun, every steps: Int, _ fault: GradientFault? = nil) throws -> String {
    let data = try TestData.firstDigits(150)
    let trainer = try Trainer(
      configuration: configuration(run, every: steps), topology: try run.topology ?? machine(), kernels: testKernels,
      training: data.train, test: nil, initialWeights: nil)
    trainer.options.gradientFault = fault
    return try trainer.run(stop: StopFlag()) { _ in }.weightsDigest
  }

  private let run = TestRun(TestNetworks.digits).with { ($0.batchSize, $0.shardSize) = (40, 4) }

  @Test("an audit changes no bit, whichever shards a worker has", arguments: 1...6)
  func changesNothing(workers: Int) throws {
    let run = run.with { $0.workers = workers }
    let expected = try train(run, every: 0)
    for every in [1, 3] { #expect(try train(run, every: every) == expected) }
    let nodes = run.with { ($0.policy, $0.topology) = (.close, .virtual(nodes: 2, cores: 3)) }
    #expect(try train(nodes, every: 1) == expected)
  }

  /// The shard that is checked in a step.
  private func audited(_ run: TestRun, step: Int) throws -> (shard: Int, owner: Int, auditor: Int) {
    let plan = try RunPlan(
      configuration(run, every: 1), topology: machine(), kernels: testKernels, exampleCount: 150)
    let audit = try #require(try Audit(plan))
    let shard = try #require(audit.shard(in: plan.step(step)))
    return (shard, audit.owner(of: shard, in: plan.step(step)), audit.auditor(of: shard, in: plan.step(step)))
  }

  @Test("a bit that flips in the shard that is checked stops the run, and is named", arguments: [1, 2, 5], [0, 3, 7])
  func flippedBit(workers: Int, step: Int) throws {
    let run = run.with { $0.workers = workers }
    let audited = try audited(run, step: step)
    let plan = try RunPlan(configuration(run, every: 1), topology: machine(), kernels: testKernels, exampleCount: 150)
    for parameter in plan.network.parameters.parameters {
      let fault = GradientFault(step: step, shard: audited.shard, position: parameter.offset + 1, bit: 3)
      let error = #expect(throws: UserError.self) { try train(run, every: 1, fault) }
      #expect(error?.category == .internalFailure)
      #expect(error?.subject == "step \(step + 1)")
      #expect(error?.message.contains("of shard \(audited.shard) has") == true)
      #expect(error?.message.contains("worker \(audited.owner) (") == true)
      #expect(error?.message.contains("worker \(audited.auditor) (") == true)
      #expect(error?.message.contains("\(parameter.name) is the last to differ") == true, "\(error?.message ?? "")")
    }
  }

  @Test("a step without an audit does not see the fault")
  func notChecked() throws {
    let fault = GradientFault(step: 1, shard: 0, position: 1, bit: 22)
    #expect(try train(run, every: 4, fault) != train(run, every: 4))
  }

  @Test("all shards are drawn, by the seed")
  func allShards() throws {
    let plan = try RunPlan(
      configuration(run.with { $0.epochs = 50 }, every: 2), topology: machine(), kernels: testKernels, exampleCount: 150
    )
    let audit = try #require(try Audit(plan))
    let drawn = (0..<plan.totalSteps).map { audit.shard(in: plan.step($0)) }
    #expect(Set(drawn.compactMap(\.self)) == Set(0..<10))
    #expect(drawn.enumerated().allSatisfy { ($0.offset % 2 == 1) == ($0.element != nil) })
  }

  // MARK: Nets whose layers sum over the whole batch

  private let normed = TestRun(TestNetworks.meeting[4]).with {
    ($0.batchSize, $0.shardSize, $0.training) = (40, 3, { $0.clipNorm = 1 })
  }

  private func train(
    normed run: TestRun, every steps: Int, _ fault: GradientFault? = nil, kernels: KernelTable = testKernels
  ) throws -> String {
    let data = try TestData.synthetic(run.model, 100, classes: 3)
    let trainer = try Trainer(
      configuration: configuration(run, every: steps), topology: try run.topology ?? machine(), kernels: kernels,
      training: data.train, test: nil, initialWeights: nil)
    trainer.options.gradientFault = fault
    return try trainer.run(stop: StopFlag()) { _ in }.weightsDigest
  }

  @Test(
    "an audit of a net with norms and dropout changes no bit, whichever shards a worker has",
    arguments: [1, 2, 3, 5, 14])
  func changesNothingOfNorms(workers: Int) throws {
    let expected = try train(normed: normed.with { $0.workers = 1 }, every: 0)
    for every in [1, 2] { #expect(try train(normed: normed.with { $0.workers = workers }, every: every) == expected) }
    let nodes = normed.with { ($0.workers, $0.policy, $0.topology) = (5, .close, .virtual(nodes: 3, cores: 2)) }
    #expect(try train(normed: nodes, every: 1) == expected)
  }

  @Test(
    "a bit that flips in a gradient of a net with norms stops the run, and is named", arguments: [1, 2, 5], [0, 2, 4])
  func flippedBitOfNorms(workers: Int, step: Int) throws {
    let run = normed.with { $0.workers = workers }
    let plan = try RunPlan(configuration(run, every: 1), topology: machine(), kernels: testKernels, exampleCount: 100)
    let audit = try #require(try Audit(plan))
    let shard = try #require(audit.shard(in: plan.step(step)))
    for name in ["conv2d_1.weight", "batch_norm_2.weight", "dense_2.bias"] {
      let parameter = try #require(plan.network.parameters.parameters.first { $0.name == name })
      let fault = GradientFault(step: step, shard: shard, position: parameter.offset, bit: 0)
      let error = #expect(throws: UserError.self) { try train(normed: run, every: 1, fault) }
      #expect(error?.category == .internalFailure && error?.subject == "step \(step + 1)")
      #expect(error?.message.contains("gradient of shard \(shard) has") == true)
      #expect(error?.message.contains("\(name) is the last to differ") == true, "\(error?.message ?? "")")
    }
  }

  @Test("a bit that flips once in a norm's sums stops the run, and the norm is named", arguments: [0, 1, 2, 3])
  func flippedSum(index: Int) throws {
    // One worker without dropout in the way: its shards' sums are computed in order, then the shard's that is checked.
    let run = normed.with { ($0.workers, $0.epochs) = (1, 1) }
    let plan = try RunPlan(configuration(run, every: 1), topology: machine(), kernels: testKernels, exampleCount: 100)
    let audit = try #require(try Audit(plan))
    let shard = try #require(audit.shard(in: plan.step(0)))
    // The call that finishes the shard's sums of a meeting, of the three norms forward, then backward.
    let calls = Mutex<(meeting: Int, count: Int)>((0, 0))
    let kernels = testKernels.changed(productSums: { products in
      testKernels.productSums(products)
      guard !products.accumulates else { return }
      let isHit = calls.withLock { state in
        defer {
          state.count += 1
          if state.count == 14 { state = (state.meeting + 1, 0) }
        }
        return state == (index, shard)
      }
      if isHit { products.sums[0] = Double(bitPattern: products.sums[0].bitPattern ^ 1 << 40) }
    })
    let error = #expect(throws: UserError.self) { try train(normed: run, every: 1, kernels: kernels) }
    let (norm, what) = [("1", "the sums"), ("2", "the sums"), ("3", "the sums"), ("3", "the gradient's sums")][index]
    #expect(error?.category == .internalFailure && error?.subject == "step 1")
    #expect(error?.message.hasPrefix("\(what) of shard \(shard) have other bits") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("batch_norm_\(norm) is the first to differ") == true, "\(error?.message ?? "")")
  }
}

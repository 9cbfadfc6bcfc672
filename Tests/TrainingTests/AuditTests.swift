import Configuration
import Diagnostics
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

  @Test("a net with meetings cannot be audited, and the key is named")
  func meetings() throws {
    let run = TestRun(TestNetworks.meeting[0])
    let error = #expect(throws: UserError.self) {
      try RunPlan(configuration(run, every: 1), topology: machine(), kernels: testKernels, exampleCount: 50)
    }
    #expect(error?.subject == "runtime.audit_every_steps")
  }
}

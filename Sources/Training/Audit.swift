import Collectives
import Configuration
import Diagnostics
import Machine
import Network
import Randomness

/// The check against silent corruption: every so many steps one shard's gradient is computed again by another worker, and
/// both must have the same bits.
///
/// The shard is drawn from (seed, step); its worker keeps a copy of the gradient that goes into the batch's sum, and the next
/// worker computes it again before anything is added. A worker that is alone checks itself, which finds faults that do not
/// repeat.
///
/// `@unchecked Sendable`: in a step with an audit the shard's worker writes `original`, the next one `again`, and reads both
/// after a barrier.
final class Audit: @unchecked Sendable {
  private let plan: RunPlan
  private let every: Int
  private let stream: RandomStream
  /// The worker of each shard of a full batch, and of the last one of an epoch.
  private let owners: (full: [Int], last: [Int])
  let original: UnsafeMutablePointer<Float>
  let again: UnsafeMutablePointer<Float>
  private let memory: NodeBuffer
  /// The gradient's elements between padding.
  private let elements: [Range<Int>]

  /// `nil` if the configuration wants none.
  init?(_ plan: RunPlan) throws(UserError) {
    guard plan.configuration.runtime.auditEverySteps > 0 else { return nil }
    self.plan = plan
    every = plan.configuration.runtime.auditEverySteps
    stream = RandomStream(seed: plan.configuration.seed, purpose: .audit, stream: 0)
    owners = (Self.owners(plan.fullBatch), Self.owners(plan.lastBatch))
    memory = try NodeBuffer(byteCount: plan.memory.auditBytes, purpose: "the audit of a shard's gradient")
    original = memory.pointer.bindMemory(to: Float.self, capacity: 2 * plan.memory.trainedFloats)
    var start = 0
    var elements: [Range<Int>] = []
    for gap in plan.network.parameters.padding where gap.lowerBound < plan.memory.trainedFloats {
      elements.append(start..<gap.lowerBound)
      start = gap.upperBound
    }
    self.elements = elements + (start < plan.memory.trainedFloats ? [start..<plan.memory.trainedFloats] : [])
    again = original + plan.memory.trainedFloats
  }

  private static func owners(_ program: ReductionProgram) -> [Int] {
    program.nodes.flatMap { node in node.shards.map { (shard: $0, worker: node.worker) } }
      .sorted { $0.shard < $1.shard }.map(\.worker)
  }

  /// The shard that is checked in a step; `nil` in the others.
  func shard(in step: TrainingStep) -> Int? {
    guard (step.number + 1) % every == 0 else { return nil }
    return Int(stream.below(UInt64(step.shardCount), index: UInt64(step.number)))
  }

  func owner(of shard: Int, in step: TrainingStep) -> Int { (step.endsEpoch ? owners.last : owners.full)[shard] }

  /// The worker that computes the shard again.
  func auditor(of shard: Int, in step: TrainingStep) -> Int { (owner(of: shard, in: step) + 1) % plan.workerCount }

  /// Compares what both have computed.
  ///
  /// - Throws: `UserError(.internalFailure)` naming step, shard, both CPUs and the layer nearest to the loss that differs.
  func compare(_ shard: Int, in step: TrainingStep) throws(UserError) {
    var last: Int?
    for range in elements {
      for index in range where original[index].bitPattern != again[index].bitPattern { last = index }
    }
    guard let last else { return }
    func place(_ worker: Int) -> String {
      "worker \(worker) (" + (plan.placement.workers[worker].cpu.map { "CPU \($0)" } ?? "on no CPU of its own") + ")"
    }
    let parameter = plan.network.parameters.parameters.last { $0.offset <= last }?.name ?? "a parameter"
    throw UserError(
      .internalFailure, "step \(step.number + 1)",
      "the gradient of shard \(shard) has other bits when \(place(auditor(of: shard, in: step))) computes it again than "
        + "\(place(owner(of: shard, in: step))) had: \(parameter) is the last to differ, \(original[last]) "
        + "and \(again[last])",
      hint: "one of these processors or its memory is faulty; the last checkpoint is from before this step, and "
        + "runtime.placement.cpus leaves a CPU out")
  }
}

#if DEBUG || LOCKSTEP_FAULTS
  /// For tests: a bit that flips in a gradient, as a faulty processor would flip it.
  package struct GradientFault: Sendable {
    /// From 0, since the start of training.
    package var step: Int
    package var shard: Int
    /// In the flat buffer.
    package var position: Int
    package var bit: UInt32

    package init(step: Int, shard: Int, position: Int, bit: UInt32) {
      self.step = step
      self.shard = shard
      self.position = position
      self.bit = bit
    }

    /// Flips it in the sum over `shards` of a step, if it is among them.
    func apply(_ sum: UnsafeMutablePointer<Float>, _ shards: Range<Int>, in step: TrainingStep) {
      guard step.number == self.step, shards.contains(shard) else { return }
      sum[position] = Float(bitPattern: sum[position].bitPattern ^ 1 << bit)
    }
  }
#endif

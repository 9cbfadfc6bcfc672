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
/// repeat. Where layers need sums over the whole batch, the other shards' are taken as they were, and the shard's own must
/// have the same bits, too.
///
/// `@unchecked Sendable`: in a step with an audit the shard's worker writes `original`, the next one `again` and `sums`, and
/// reads all after a barrier.
final class Audit: @unchecked Sendable {
  private let plan: RunPlan
  private let every: Int
  private let stream: RandomStream
  /// The worker of each shard of a full batch, and of the last one of an epoch.
  private let owners: (full: [Int], last: [Int])
  let original: UnsafeMutablePointer<Float>
  let again: UnsafeMutablePointer<Float>
  /// A copy of the sums of meetings, in which the shard's own are computed again.
  private let sums: UnsafeMutablePointer<Double>
  /// Each shard of a full batch, and of the last one of an epoch, as a share of its own; none without meetings.
  private let shares: (full: [WorkerShare], last: [WorkerShare])
  private let memory: NodeBuffer
  /// See `Schedule.order`.
  private let order: [(layer: Int, isForward: Bool, range: Range<Int>)]
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
    order = plan.network.schedule.order
    sums = UnsafeMutableRawPointer(again + plan.memory.trainedFloats)
      .bindMemory(to: Double.self, capacity: plan.memory.meetingSums)
    let (shards, target) = (plan.shards, again)
    func single(_ program: ReductionProgram, step: Int) -> [WorkerShare] {
      guard plan.network.schedule.hasMeetings else { return [] }
      let examples = shards.batchRange(stepInEpoch: step).count
      return (0..<shards.shardCount(batchSize: examples)).map {
        WorkerShare([WorkerShare.Node(shards: $0..<$0 + 1, target: target)], of: examples, shardSize: shards.shardSize)
      }
    }
    shares = (single(plan.fullBatch, step: 0), single(plan.lastBatch, step: shards.stepsPerEpoch - 1))
  }

  private static func owners(_ program: ReductionProgram) -> [Int] {
    program.nodes.flatMap { node in node.shards.map { (shard: $0, worker: node.worker) } }
      .sorted { $0.shard < $1.shard }.map(\.worker)
  }

  /// The shard that is checked in a step; `nil` in the others and, in a job, where another rank has it.
  func shard(in step: TrainingStep) -> Int? {
    guard (step.number + 1) % every == 0 else { return nil }
    let shard = Int(stream.below(UInt64(step.shardCount), index: UInt64(step.number)))
    guard let ranks = plan.ranks else { return shard }
    return (step.endsEpoch ? ranks.last : ranks.full).own.contains(shard) ? shard : nil
  }

  func owner(of shard: Int, in step: TrainingStep) -> Int {
    let (owners, ranks) = step.endsEpoch ? (owners.last, plan.ranks?.last) : (owners.full, plan.ranks?.full)
    return owners[shard - (ranks?.own.lowerBound ?? 0)]
  }

  /// The worker that computes the shard again.
  func auditor(of shard: Int, in step: TrainingStep) -> Int { (owner(of: shard, in: step) + 1) % plan.workerCount }

  /// The shard as a share of its own, of a net with meetings.
  func share(of shard: Int, in step: TrainingStep) -> WorkerShare {
    (step.endsEpoch ? shares.last : shares.full)[shard]
  }

  /// All shards' sums of the step, for one who computes a shard's again.
  func copySums(_ all: UnsafePointer<Double>) -> UnsafeMutablePointer<Double> {
    sums.update(from: all, count: plan.memory.meetingSums)
    return sums
  }

  /// Compares what both have computed: first the sums of meetings, in the order of the step, then the gradient.
  ///
  /// - Parameter all: the sums of meetings of all shards.
  /// - Throws: `UserError(.internalFailure)` naming step, shard, both CPUs, and the first layer whose sums differ or the
  ///   one nearest to the loss whose gradient does.
  func compare(_ shard: Int, _ all: UnsafePointer<Double>, in step: TrainingStep) throws(UserError) {
    let schedule = plan.network.schedule
    let start = shard * schedule.sumsPerShard
    for (layer, isForward, range) in order {
      for index in range where all[start + index].bitPattern != sums[start + index].bitPattern {
        throw difference(
          shard, in: step, "the \(isForward ? "" : "gradient's ")sums of shard \(shard) have",
          "\(plan.network.name(ofLayer: layer)) is the first to differ, \(all[start + index]) and "
            + "\(sums[start + index])")
      }
    }
    var last: Int?
    for range in elements {
      for index in range where original[index].bitPattern != again[index].bitPattern { last = index }
    }
    guard let last else { return }
    let parameter = plan.network.parameters.parameters.last { $0.offset <= last }?.name ?? "a parameter"
    throw difference(
      shard, in: step, "the gradient of shard \(shard) has",
      "\(parameter) is the last to differ, \(original[last]) and \(again[last])")
  }

  private func difference(_ shard: Int, in step: TrainingStep, _ what: String, _ first: String) -> UserError {
    func place(_ worker: Int) -> String {
      "worker \(worker) (" + (plan.placement.workers[worker].cpu.map { "CPU \($0)" } ?? "on no CPU of its own") + ")"
    }
    let (owner, auditor) = (owner(of: shard, in: step), auditor(of: shard, in: step))
    return UserError(
      .internalFailure, "step \(step.number + 1)",
      "\(what) other bits when \(place(auditor)) computes it again than \(place(owner)) had: \(first)",
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

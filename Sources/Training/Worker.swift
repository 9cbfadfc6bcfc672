import Collectives
import Datasets
import KernelInterface
import Machine
import Network
import Summation

/// One worker: its memory, and what it does in the phases of a step. Knows nothing of the layers' mathematics.
package struct Worker: ~Copyable {
  let context: WorkerContext
  let plan: RunPlan
  let shared: SharedState
  let normalization: Normalization
  let augmentation: Augmentation?
  private let augmentationScratch: AugmentationScratch?
  /// [images of a chunk, classes], where evaluations take mirror images too.
  let mirroredLogits: FloatScratch?
  private let options: RunOptions
  package let workspace: Workspace
  /// The node's own replica.
  let replica: WeightReplica
  /// The worker's own memory, which `shared` keeps.
  let activationBytes: UnsafeRawBufferPointer
  let gradientBytes: UnsafeRawBufferPointer
  let placementRefused: Bool
  /// One flat buffer per tree level above the run.
  private let levels: [UnsafeMutablePointer<Float>]
  /// What the worker computes of a full batch and of the ragged last one.
  private let shares: (full: WorkerShare, last: WorkerShare)
  /// What is added after the last run of each, one buffer onto another.
  private let lastAdditions: (full: [BufferAddition], last: [BufferAddition])
  /// The same with one shard as a node of its own, by shards of the share; none without audits of a net with meetings.
  private let splitShares: (full: [SplitShare], last: [SplitShare])

  /// Takes and clears the worker's memory. Call it on the worker's pinned thread: first touch decides the node.
  init(_ context: WorkerContext, _ session: Session, _ options: RunOptions = RunOptions()) throws {
    self.context = context
    self.options = options
    plan = session.plan
    shared = session.shared
    normalization = session.normalization
    augmentation = session.augmentation
    let (input, capacity) = (session.plan.network.model.input, session.plan.network.capacity)
    augmentationScratch = augmentation.map { _ in
      AugmentationScratch(elements: input.elementCount, images: capacity.run)
    }
    mirroredLogits =
      plan.configuration.training.testTimeAugmentation == .flip
      ? FloatScratch(capacity.chunk * plan.network.classes) : nil
    replica = shared.replicas[context.group]
    let network = plan.network
    let gradientFloats = plan.memory.trainedFloats
    let memory = try WorkerMemory(plan.memory, worker: context.index, node: context.memoryNode)
    let (activations, gradients) = (memory.activations.pointer, memory.gradients.pointer)
    activationBytes = memory.activations.bytes
    gradientBytes = memory.gradients.bytes
    placementRefused = memory.placementRefused
    if let fill = options.memoryFill {
      activations.initializeMemory(as: UInt8.self, repeating: fill, count: activationBytes.count)
      gradients.initializeMemory(as: UInt8.self, repeating: fill, count: gradientBytes.count)
    }
    shared.memories[context.index] = consume memory
    workspace = Workspace(network, memory: activations)
    let flat = gradients.bindMemory(to: Float.self, capacity: plan.memory.gradientBuffers * gradientFloats)
    flat.update(repeating: 0, count: plan.memory.gradientBuffers * gradientFloats)
    for slot in 0..<plan.gradientSlots {
      shared.transport.enter(flat + slot * gradientFloats, worker: context.index, slot: slot)
    }
    let firstLevel = flat + plan.gradientSlots * gradientFloats
    levels = (0..<plan.treeLevels).map { firstLevel + $0 * gradientFloats }
    let transport = shared.transport
    let (worker, shards) = (context.index, plan.shards)
    func share(_ program: ReductionProgram, step: Int) -> WorkerShare {
      WorkerShare(
        program.nodes(of: worker).map { node in
          WorkerShare.Node(
            shards: node.shards, target: transport.partialSum(worker: worker, slot: node.slot))
        }, of: shards.batchRange(stepInEpoch: step).count, shardSize: shards.shardSize)
    }
    shares = (share(plan.fullBatch, step: 0), share(plan.lastBatch, step: shards.stepsPerEpoch - 1))
    lastAdditions = (
      Self.lastAdditions(shares.full, levels, shardsPerRun: plan.shardsPerRun),
      Self.lastAdditions(shares.last, levels, shardsPerRun: plan.shardsPerRun)
    )
    let (levels, isSplit) = (levels, shared.audit != nil && network.schedule.hasMeetings)
    func split(_ share: WorkerShare) -> [SplitShare] {
      isSplit
        ? share.shards.map { SplitShare(share, apart: $0, shardSize: shards.shardSize) { levels[$0] } } : []
    }
    splitShares = (split(shares.full), split(shares.last))
  }

  /// Fills the node's replica from the first one's weights; all workers call it together.
  func loadWeights() throws(BarrierBroken) {
    if context.group > 0 {
      let part = part(of: plan.memory.parameterFloats)
      (replica.weights + part.lowerBound).update(from: shared.weights + part.lowerBound, count: part.count)
      try context.groupBarrier.wait()
    }
    prepareWeights()
    try context.groupBarrier.wait()
  }

  // MARK: The phases of a step

  /// Forward and backward over the worker's shards of a batch; its partial sums are then in its gradient buffers.
  ///
  /// - Parameters:
  ///   - meet: waits for all workers when a layer needs sums over the whole batch.
  ///   - reached: called in the middle of passes, without meetings. At `.backGradients` the second bucket's partial sums are
  ///     complete, if there is one, unless the step checks or changes gradients after it has computed them.
  func compute<Failure: Error>(
    _ dataset: ImageDataset, _ step: TrainingStep, reached: (PassPoint) -> Void = { _ in },
    meet: () throws(Failure) -> Void
  ) throws(Failure) {
    let share = step.endsEpoch ? shares.last : shares.full
    guard plan.network.schedule.hasMeetings else {
      for node in share.nodes {
        sumGradients(node.shards, of: step, dataset, into: node.target) { point, run in
          guard point != .backGradients else {
            guard run.upperBound == share.shards.upperBound, sumsEarly(step) else { return false }
            let (floats, additions) = (plan.buckets[1].floats, step.endsEpoch ? lastAdditions.last : lastAdditions.full)
            for addition in additions {
              plan.kernels.add(addition.from + floats.lowerBound, addition.into + floats.lowerBound, floats.count)
            }
            reached(point)
            return true
          }
          reached(point)
          return false
        }
      }
      audit(dataset, step, reached: reached)
      return
    }
    let splits = step.endsEpoch ? splitShares.last : splitShares.full
    let split = shared.audit?.shard(in: step).flatMap {
      share.shards.contains($0) ? splits[$0 - share.shards.lowerBound] : nil
    }
    let start = step.batch.lowerBound + share.shards.lowerBound * plan.shards.shardSize
    try plan.network.sumGradients(
      workspace, split?.share ?? share, sums: shared.meetingSums, inputs(epoch: step.epoch),
      load: { load(dataset, chunk: $0, at: start, epoch: step.epoch) }, meet: meet)
    recordLosses(share.shards, examples: share.examples)
    #if DEBUG || LOCKSTEP_FAULTS
      for node in split?.share.nodes ?? share.nodes { options.gradientFault?.apply(node.target, node.shards, in: step) }
    #endif
    if let split {
      shared.audit?.original.update(from: split.gradient, count: plan.memory.trainedFloats)
      for (from, into) in split.additions { plan.kernels.add(from, into, plan.memory.trainedFloats) }
    }
    audit(dataset, step)
  }

  /// Brings running statistics up to date that no meeting did, in the worker's replica; once all have computed.
  ///
  /// The group's last worker does so: the last of all takes them into the weights' average, see `RunPlan.state`.
  func updateStatistics(_ step: TrainingStep) {
    guard context.member == context.members.count - 1 else { return }
    plan.network.updateStatistics(shared.meetingSums, examples: step.batch.count, replica.weights)
  }

  /// Whether the second bucket's sums leave before the step has computed the first one's.
  private func sumsEarly(_ step: TrainingStep) -> Bool {
    #if DEBUG || LOCKSTEP_FAULTS
      if options.gradientFault != nil { return false }
    #endif
    return plan.buckets.count > 1 && shared.audit?.shard(in: step) == nil
  }

  /// What `sumGradients` adds after the last run of a share.
  private static func lastAdditions(
    _ share: WorkerShare, _ levels: [UnsafeMutablePointer<Float>], shardsPerRun: Int
  ) -> [BufferAddition] {
    var additions: [BufferAddition] = []
    guard let node = share.nodes.last else { return additions }
    ShardTree.sum(node.shards, into: ShardTree.Target(node.target), scratch: { levels[$0] }) { shards, target in
      guard shards.count <= shardsPerRun else { return false }
      additions = target.adds ? [BufferAddition(from: levels[levels.count - 1], into: target.buffer)] : []
      return true
    } add: {
      additions.append(BufferAddition(from: $0, into: $1))
    }
    return additions
  }

  /// `target` = the gradient summed over a node of the shard tree: in one run, or as left plus right.
  ///
  /// - Parameter reached: called with each point of a run's passes and the run; returns whether all that is to be added to the
  ///   second bucket has been.
  private func sumGradients(
    _ shards: Range<Int>, of step: TrainingStep, _ dataset: ImageDataset, into target: UnsafeMutablePointer<Float>,
    reached: (PassPoint, _ run: Range<Int>) -> Bool = { _, _ in false }
  ) {
    let count = plan.memory.trainedFloats
    var floatsToAdd = count
    let audited = shared.audit?.shard(in: step)
    ShardTree.sum(shards, into: ShardTree.Target(target), scratch: { levels[$0] }) { shards, target in
      let isAudited = audited.map { shards.contains($0) } ?? false
      guard shards.count <= (isAudited ? 1 : plan.shardsPerRun) else { return false }
      let sum = target.adds ? levels[levels.count - 1] : target.buffer
      let positions = positions(of: shards, in: step.batch)
      plan.network.sumGradients(
        workspace, examples: positions.count, into: sum, inputs(epoch: step.epoch)
      ) {
        load(dataset, chunk: $0, at: positions.lowerBound, epoch: step.epoch)
      } reached: {
        if reached($0, shards) { floatsToAdd = plan.buckets[0].floats.count }
      }
      recordLosses(shards, examples: positions.count)
      #if DEBUG || LOCKSTEP_FAULTS
        options.gradientFault?.apply(sum, shards, in: step)
      #endif
      if isAudited { shared.audit?.original.update(from: sum, count: count) }
      if target.adds { plan.kernels.add(sum, target.buffer, floatsToAdd) }
      return true
    } add: {
      plan.kernels.add($0, $1, floatsToAdd)
    }
  }

  /// Each shard's own gradient of a batch, by a worker that is alone.
  func shardGradients(_ dataset: ImageDataset, _ step: TrainingStep, into targets: [UnsafeMutablePointer<Float>]) {
    guard plan.network.schedule.hasMeetings else {
      for (shard, target) in targets.enumerated() { sumGradients(shard..<shard + 1, of: step, dataset, into: target) }
      return
    }
    let share = WorkerShare(
      targets.enumerated().map { WorkerShare.Node(shards: $0..<$0 + 1, target: $1) }, of: step.batch.count,
      shardSize: plan.shards.shardSize)
    plan.network.sumGradients(
      workspace, share, sums: shared.meetingSums, inputs(epoch: step.epoch),
      load: { load(dataset, chunk: $0, at: step.batch.lowerBound, epoch: step.epoch) }, meet: {})
    recordLosses(share.shards, examples: share.examples)
    #if DEBUG || LOCKSTEP_FAULTS
      for node in share.nodes { options.gradientFault?.apply(node.target, node.shards, in: step) }
    #endif
  }

  // MARK: Parts

  /// What the passes of training read besides activations; a group's first member keeps its running statistics.
  package func inputs(epoch: Int) -> PassInputs {
    var inputs = PassInputs(
      weights: replica.weights, prepared: replica.prepared, kernels: plan.kernels,
      statistics: context.member == 0 ? replica.weights : nil, seed: plan.configuration.seed, epoch: epoch)
    inputs.targets.smoothing = Float(plan.configuration.training.labelSmoothing)
    if let augmentation, augmentation.rules.mixes, let scratch = augmentationScratch {
      inputs.targets.others = UnsafePointer(scratch.labels)
      inputs.targets.shares = UnsafePointer(scratch.shares)
    }
    return inputs
  }

  /// Where the shards' sums of layers with meetings lie.
  package var meetingSums: UnsafeMutablePointer<Double> { shared.meetingSums }

  /// The flat buffer of one of the worker's partial sums.
  package func gradient(slot: Int) -> UnsafeMutablePointer<Float> {
    shared.transport.partialSum(worker: context.index, slot: slot)
  }

  func positions(of shards: Range<Int>, in batch: Range<Int>) -> Range<Int> {
    let first = plan.shards.shardRange(shard: shards.lowerBound, in: batch)
    let last = plan.shards.shardRange(shard: shards.upperBound - 1, in: batch)
    return first.lowerBound..<last.upperBound
  }

  /// Converts a chunk's images, numbered in their run, whose first image has the position `start` in its batch, as training
  /// has them in `epoch`.
  func load(_ dataset: ImageDataset, chunk: Range<Int>, at start: Int, epoch: Int) {
    let isMapped = dataset.isMapped
    for n in chunk {
      let example = shared.order[start + n]
      // What the next step reads comes into memory during this one.
      let next = start + n + plan.shards.batchSize
      if isMapped, next < shared.order.count { dataset.prefetch(shared.order[next]) }
      let input = plan.network.input(workspace, image: n, of: chunk)
      workspace.describe(image: n, example: example, label: dataset.labels[example])
      guard let augmentation, let scratch = augmentationScratch else {
        normalization.load(dataset, example: example, into: input.pixels, row: input.row, pixel: input.pixel)
        continue
      }
      let mixed = augmentation.load(
        dataset, example: example, epoch: epoch, scratch: scratch, into: input.pixels, row: input.row,
        pixel: input.pixel)
      (scratch.labels[n], scratch.shares[n]) = (mixed.label, mixed.share)
    }
  }

  /// Sums losses and hits of each shard over its examples in order.
  func recordLosses(_ shards: Range<Int>, examples: Int) {
    let size = plan.shards.shardSize
    for (i, shard) in shards.enumerated() {
      var loss = 0.0
      var correct = 0
      for n in i * size..<min((i + 1) * size, examples) {
        loss += Double(workspace.losses[n])
        correct += Int(workspace.correct[n])
      }
      shared.losses[shard] = loss
      shared.correct[shard] = correct
    }
  }
}

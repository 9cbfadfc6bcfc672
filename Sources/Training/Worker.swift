import Collectives
import Datasets
import KernelInterface
import Machine
import Network
import Summation

/// One worker: its memory, and what it does in the phases of a step. Knows nothing of the layers' mathematics.
package struct Worker: ~Copyable {
  private let context: WorkerContext
  private let plan: RunPlan
  private let shared: SharedState
  private let normalization: Normalization
  private let augmentation: Augmentation?
  private let augmentationScratch: AugmentationScratch?
  /// [images of a chunk, classes], where evaluations take mirror images too.
  private let mirroredLogits: FloatScratch?
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
  /// - Parameter meet: waits for all workers when a layer needs sums over the whole batch.
  func compute(
    _ dataset: ImageDataset, _ step: TrainingStep, meet: () throws(BarrierBroken) -> Void
  ) throws(BarrierBroken) {
    let share = step.endsEpoch ? shares.last : shares.full
    guard plan.network.schedule.hasMeetings else {
      for node in share.nodes { sumGradients(node.shards, of: step, dataset, into: node.target) }
      audit(dataset, step)
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

  /// `target` = the gradient summed over a node of the shard tree: in one run, or as left plus right.
  private func sumGradients(
    _ shards: Range<Int>, of step: TrainingStep, _ dataset: ImageDataset, into target: UnsafeMutablePointer<Float>
  ) {
    let count = plan.memory.trainedFloats
    let audited = shared.audit?.shard(in: step)
    ShardTree.sum(shards, into: ShardTree.Target(target), scratch: { levels[$0] }) { shards, target in
      let isAudited = audited.map { shards.contains($0) } ?? false
      guard shards.count <= (isAudited ? 1 : plan.shardsPerRun) else { return false }
      let sum = target.adds ? levels[levels.count - 1] : target.buffer
      let positions = positions(of: shards, in: step.batch)
      plan.network.sumGradients(
        workspace, examples: positions.count, into: sum, inputs(epoch: step.epoch)
      ) { load(dataset, chunk: $0, at: positions.lowerBound, epoch: step.epoch) }
      recordLosses(shards, examples: positions.count)
      #if DEBUG || LOCKSTEP_FAULTS
        options.gradientFault?.apply(sum, shards, in: step)
      #endif
      if isAudited { shared.audit?.original.update(from: sum, count: count) }
      if target.adds { plan.kernels.add(sum, target.buffer, count) }
      return true
    } add: {
      plan.kernels.add($0, $1, count)
    }
  }

  /// Computes the shard that is checked in this step again, if it is this worker's turn.
  private func audit(_ dataset: ImageDataset, _ step: TrainingStep) {
    guard let audit = shared.audit, let shard = audit.shard(in: step),
      audit.auditor(of: shard, in: step) == context.index
    else { return }
    let positions = positions(of: shard..<shard + 1, in: step.batch)
    func load(_ chunk: Range<Int>) { self.load(dataset, chunk: chunk, at: positions.lowerBound, epoch: step.epoch) }
    var inputs = inputs(epoch: step.epoch)
    inputs.statistics = nil
    guard plan.network.schedule.hasMeetings else {
      return plan.network.sumGradients(
        workspace, examples: positions.count, into: audit.again, inputs, load: load)
    }
    plan.network.sumGradients(
      workspace, audit.share(of: shard, in: step), sums: audit.copySums(shared.meetingSums), inputs, load: load,
      meet: {})
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

  /// How the worker adds with the others over a full batch and over the ragged last one; once all workers have memory.
  func reductions() -> (full: SegmentReduction, last: SegmentReduction) {
    func reduction(_ program: ReductionProgram) -> SegmentReduction {
      SegmentReduction(program, group: context.group, over: shared.transport, add: plan.kernels.add)
    }
    return (reduction(plan.fullBatch), reduction(plan.lastBatch))
  }

  /// Adds the group's partial sums over the worker's part, in the tree's order; nothing to do if there is one group.
  func sumInsideGroup(_ reduction: SegmentReduction) { reduction.sumInside(part(of: plan.memory.trainedFloats)) }

  /// The part of `count` floats that the worker shares out with the other members of its group.
  private func part(of count: Int) -> Range<Int> {
    Segments.segment(context.member, of: context.members.count, count: count)
  }

  /// Adds what is left over the worker's segment in the tree's order, and sums the squares of what norms are asked for.
  func reduce(_ reduction: SegmentReduction) {
    reduction.reduce(plan.segments[context.index]) { block, sum in
      shared.gradientSquares?.set(block, sum, plan.kernels)
      shared.weightSquares?.set(block, replica.weights + block.lowerBound, plan.kernels)
    }
  }

  /// The same, and each block's `update` while its sum is in the cache; where no norm is asked for.
  ///
  /// - Returns: the first weight that is no longer finite.
  func reduceAndUpdate(
    _ reduction: SegmentReduction, _ step: OptimizerStep, _ clock: borrowing StepClock
  ) -> LostWeight? {
    var lost: LostWeight?
    var ruled = RuledStep(step, shared)
    reduction.reduce(plan.segments[context.index]) { block, sum in
      clock.enter(.updating)
      update(block, sum: sum, &ruled, reduction, &lost)
      clock.enter(.reducing)
    }
    return lost
  }

  /// Updates the worker's segment by a gradient that `reduce` has left, once all workers have summed theirs.
  ///
  /// - Returns: the first weight that is no longer finite.
  func update(_ reduction: SegmentReduction, _ step: OptimizerStep) -> LostWeight? {
    var lost: LostWeight?
    var ruled = RuledStep(shared.clipped(step), shared)
    reduction.forEachTotal(plan.segments[context.index]) { update($0, sum: $1, &ruled, reduction, &lost) }
    return lost
  }

  /// Updates the weights of a block with the mean of `sum`, in all replicas.
  @inline(__always)
  private func update(
    _ block: Range<Int>, sum: UnsafeMutablePointer<Float>, _ step: inout RuledStep, _ reduction: SegmentReduction,
    _ lost: inout LostWeight?
  ) {
    let (weights, state) = (replica.weights, shared.optimizer)
    let floats = OptimizerBlock(
      sum: sum, weights: weights + block.lowerBound, state: state.slot(0) + block.lowerBound,
      slotStride: state.stride, count: block.count)
    plan.updates.forEachPart(of: block) { part, rule in
      plan.optimizer.update(
        floats.part(part.lowerBound - block.lowerBound..<part.upperBound - block.lowerBound),
        at: step.of(rule), plan.kernels)
    }
    reduction.distribute(block)
    if lost == nil { lost = LostWeight.first(in: weights, block, sum: sum) }
  }

  /// Brings the worker's part of the weights' average up to date after a step that is due for it.
  func updateAverage(_ step: TrainingStep) {
    guard let average = shared.average else { return }
    average.update(plan.state(of: context.index), from: replica.weights, stepsDone: step.number + 1, plan.kernels)
  }

  /// Exchanges the worker's part of the weights with their average, in all replicas; once more takes it back.
  func exchangeAverage() {
    guard let average = shared.average else { return }
    let part = plan.state(of: context.index)
    average.exchange(part, with: replica.weights)
    for other in shared.replicas where other !== replica {
      (other.weights + part.lowerBound).update(from: replica.weights + part.lowerBound, count: part.count)
    }
  }

  /// The worker's part of what its replica's layers read instead of weights, after all weights are updated.
  func prepareWeights() {
    plan.network.prepareWeights(
      replica.weights, into: replica.prepared, scratch: workspace, part: context.member, of: context.members.count,
      kernels: plan.kernels)
  }

  /// The worker's part of the digest of the new weights, from its own replica.
  func hashWeights() {
    guard let tree = shared.weightsTree else { return }
    let (first, end) = (
      tree.blockCount * context.index / context.count, tree.blockCount * (context.index + 1) / context.count
    )
    replica.weights.withMemoryRebound(to: UInt32.self, capacity: tree.wordCount) {
      tree.hash($0, blocks: first..<end, caller: context.index, plan.kernels)
    }
  }

  /// Forward over the worker's shards of `examples` in file order; losses and correctness go to the shared sums.
  ///
  /// `probabilities` receives [examples, classes] where given.
  func evaluate(
    _ dataset: ImageDataset, _ examples: Range<Int>, probabilities: UnsafeMutablePointer<Float>? = nil
  ) {
    let count = plan.shards.shardCount(batchSize: examples.count)
    var run = plan.shards.shards(ofWorker: context.index, of: context.count, shardCount: count)
    while !run.isEmpty {
      let shards = run.prefix(plan.shardsPerChunk)
      let positions = positions(of: shards, in: examples)
      infer(dataset, positions)
      recordLosses(shards, examples: positions.count)
      if shared.ranksClasses { recordTopFive(shards, examples: positions.count) }
      if let probabilities {
        let classes = plan.network.classes
        for n in 0..<positions.count {
          (probabilities + (positions.lowerBound - examples.lowerBound + n) * classes)
            .update(from: plan.network.probabilities(workspace, image: n), count: classes)
        }
      }
      run = shards.upperBound..<run.upperBound
    }
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

  private func positions(of shards: Range<Int>, in batch: Range<Int>) -> Range<Int> {
    let first = plan.shards.shardRange(shard: shards.lowerBound, in: batch)
    let last = plan.shards.shardRange(shard: shards.upperBound - 1, in: batch)
    return first.lowerBound..<last.upperBound
  }

  /// Converts a chunk's images, numbered in their run, whose first image has the position `start` in its batch, as training
  /// has them in `epoch`.
  private func load(_ dataset: ImageDataset, chunk: Range<Int>, at start: Int, epoch: Int) {
    for n in chunk {
      let example = shared.order[start + n]
      // What the next step reads comes into memory during this one.
      let next = start + n + plan.shards.batchSize
      if next < shared.order.count { dataset.prefetch(shared.order[next]) }
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

  /// The forward pass over examples in file order, as one chunk; with mirror images where they are asked for.
  private func infer(_ dataset: ImageDataset, _ examples: Range<Int>) {
    guard let mirrored = mirroredLogits?.floats else { return forward(dataset, examples, isFlipped: false) }
    let (images, classes) = (0..<examples.count, plan.network.classes)
    forward(dataset, examples, isFlipped: true)
    for n in images {
      (mirrored + n * classes).update(from: plan.network.logits(workspace, image: n), count: classes)
    }
    forward(dataset, examples, isFlipped: false)
    for n in images {
      let logits = plan.network.logits(workspace, image: n)
      for k in 0..<classes { logits[k] = (logits[k] + mirrored[n * classes + k]) / 2 }
    }
    plan.network.classify(workspace, images: images, inferenceInputs)
  }

  private func forward(_ dataset: ImageDataset, _ examples: Range<Int>, isFlipped: Bool) {
    let images = 0..<examples.count
    for n in images {
      let input = plan.network.input(workspace, image: n, of: images)
      let next = examples.upperBound + n
      if next < dataset.count { dataset.prefetch(next) }
      // A mirror image is written from its last column to its first.
      normalization.load(
        dataset, example: examples.lowerBound + n,
        into: input.pixels + (isFlipped ? (dataset.width - 1) * input.pixel : 0), row: input.row,
        pixel: isFlipped ? -input.pixel : input.pixel)
      let example = examples.lowerBound + n
      workspace.describe(image: n, example: example, label: dataset.labels[example])
    }
    plan.network.forward(workspace, images: images, inferenceInputs)
  }

  private var inferenceInputs: PassInputs {
    PassInputs(weights: replica.weights, prepared: replica.prepared, kernels: plan.kernels, isInference: true)
  }

  /// Sums losses and hits of each shard over its examples in order.
  private func recordLosses(_ shards: Range<Int>, examples: Int) {
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
  /// Counts the examples of each shard whose label is among the five likeliest classes, earlier ones first among equals.
  private func recordTopFive(_ shards: Range<Int>, examples: Int) {
    let (size, classes) = (plan.shards.shardSize, plan.network.classes)
    for (i, shard) in shards.enumerated() {
      var hits = 0
      for n in i * size..<min((i + 1) * size, examples) {
        let label = Int(workspace.labels[n])
        guard label >= 0 else { continue }
        let row = plan.network.probabilities(workspace, image: n)
        var ahead = 0
        for k in 0..<classes where row[k] > row[label] || row[k] == row[label] && k < label { ahead += 1 }
        if ahead < 5 { hits += 1 }
      }
      shared.topFive[shard] = hits
    }
  }
}

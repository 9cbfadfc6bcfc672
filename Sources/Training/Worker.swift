import Collectives
import Datasets
import KernelInterface
import Machine
import Network
import Summation

/// One worker: its memory, and what it does in the phases of a step. Knows no layers' mathematics.
struct Worker: ~Copyable {
  private let context: WorkerContext
  private let plan: RunPlan
  private let shared: SharedState
  private let normalization: Normalization
  private let workspace: Workspace
  /// The node's own replica.
  let replica: WeightReplica
  /// The worker's own memory, which `shared` keeps.
  let activationBytes: UnsafeRawBufferPointer
  let gradientBytes: UnsafeRawBufferPointer
  let placementRefused: Bool
  /// One flat buffer per tree level above the run.
  private let levels: [UnsafeMutablePointer<Float>]
  private let trainingNodes: (full: [ReductionProgram.Node], last: [ReductionProgram.Node])

  /// Takes and clears the worker's memory. To be called on the worker's pinned thread: first touch decides the node.
  ///
  /// - Parameter fill: a byte that all memory is filled with beforehand (for tests: it must not matter).
  init(_ context: WorkerContext, _ shared: SharedState, _ normalization: Normalization, fill: UInt8? = nil) throws {
    self.context = context
    self.shared = shared
    self.normalization = normalization
    plan = shared.plan
    replica = shared.replicas[context.group]
    let network = plan.network
    let gradientFloats = network.parameters.packedCount
    let buffers = plan.gradientSlots + plan.treeLevels
    let memory = try WorkerMemory(plan, worker: context.index, node: context.memoryNode)
    let (activations, gradients) = (memory.activations.pointer, memory.gradients.pointer)
    activationBytes = memory.activations.bytes
    gradientBytes = memory.gradients.bytes
    placementRefused = memory.placementRefused
    if let fill {
      activations.initializeMemory(as: UInt8.self, repeating: fill, count: activationBytes.count)
      gradients.initializeMemory(as: UInt8.self, repeating: fill, count: gradientBytes.count)
    }
    shared.memories[context.index] = consume memory
    workspace = Workspace(network, memory: activations)
    let flat = gradients.bindMemory(to: Float.self, capacity: buffers * gradientFloats)
    flat.update(repeating: 0, count: buffers * gradientFloats)
    for slot in 0..<plan.gradientSlots {
      shared.gradients[context.index * plan.gradientSlots + slot] = flat + slot * gradientFloats
    }
    let firstLevel = flat + plan.gradientSlots * gradientFloats
    levels = (0..<plan.treeLevels).map { firstLevel + $0 * gradientFloats }
    trainingNodes = (plan.fullBatch.nodes(of: context.index), plan.lastBatch.nodes(of: context.index))
  }

  /// Makes the node's replica whole from the first one's weights; all workers call it together.
  func loadWeights() throws(BarrierBroken) {
    if context.group > 0 {
      let segment = SegmentUpdate.segment(
        context.member, of: context.members.count, count: plan.network.parameters.packedCount)
      (replica.weights + segment.lowerBound).update(
        from: shared.replicas[0].weights + segment.lowerBound, count: segment.count)
      try context.groupBarrier.wait()
    }
    prepareWeights()
    try context.groupBarrier.wait()
  }

  // MARK: The phases of a step

  /// Forward and backward over the worker's shards of a batch; its partial sums are then in its gradient buffers.
  func compute(_ dataset: ImageDataset, stepInEpoch: Int) {
    let isLast = stepInEpoch == plan.shards.stepsPerEpoch - 1
    let batch = plan.shards.batchRange(stepInEpoch: stepInEpoch)
    for node in isLast ? trainingNodes.last : trainingNodes.full {
      guard let target = shared.gradients[context.index * plan.gradientSlots + node.slot] else {
        fatalError("Worker \(context.index) has no gradient buffer \(node.slot).")
      }
      sumGradients(node.shards, of: batch, dataset, into: target)
    }
  }

  /// `target` = the gradient summed over a node of the shard tree: in one run, or as left plus right.
  private func sumGradients(
    _ shards: Range<Int>, of batch: Range<Int>, _ dataset: ImageDataset, into target: UnsafeMutablePointer<Float>
  ) {
    let count = plan.network.parameters.packedCount
    ShardTree.sum(shards, into: ShardTree.Target(target), scratch: { levels[$0] }) { shards, target in
      guard shards.count <= plan.shardsPerRun else { return false }
      let sum = target.adds ? levels[levels.count - 1] : target.buffer
      let positions = positions(of: shards, in: batch)
      plan.network.sumGradients(
        workspace, examples: positions.count, into: sum,
        PassInputs(weights: replica.weights, prepared: replica.prepared, kernels: plan.kernels)
      ) { load(dataset, chunk: $0, at: positions.lowerBound, ordered: true) }
      recordLosses(shards, examples: positions.count)
      if target.adds { plan.kernels.add(sum, target.buffer, count) }
      return true
    } add: {
      plan.kernels.add($0, $1, count)
    }
  }

  /// Adds the group's partial sums over the worker's part, in the tree's order; nothing to do where there is one group.
  func sumInsideGroup(stepInEpoch: Int) {
    guard plan.groups.count > 1 else { return }
    let part = SegmentUpdate.segment(
      context.member, of: context.members.count, count: plan.network.parameters.packedCount)
    update(stepInEpoch).sum(part, group: context.group)
  }

  /// Adds what is left over the worker's segment in the tree's order, updates its weights with the mean, in all replicas.
  func reduceAndUpdate(stepInEpoch: Int, learningRate: Double) -> SegmentUpdate.Outcome {
    update(stepInEpoch).update(
      plan.segments[context.index], group: context.group,
      m: Float(plan.shards.batchRange(stepInEpoch: stepInEpoch).count), learningRate: learningRate)
  }

  private func update(_ stepInEpoch: Int) -> SegmentUpdate {
    SegmentUpdate(
      program: plan.program(stepInEpoch: stepInEpoch), gradients: shared.gradients, slots: plan.gradientSlots,
      replicas: shared.weightsOfReplicas, velocity: shared.velocity, kernels: plan.kernels,
      optimizer: plan.configuration.training.optimizer)
  }

  /// The worker's part of its replica's transformed weights, after all weights are updated.
  func prepareWeights() {
    plan.network.prepareWeights(
      replica.weights, into: replica.prepared, scratch: workspace, part: context.member, of: context.members.count,
      kernels: plan.kernels)
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
      load(dataset, chunk: 0..<positions.count, at: positions.lowerBound, ordered: false)
      plan.network.forward(
        workspace, images: 0..<positions.count,
        PassInputs(
          weights: replica.weights, prepared: replica.prepared, kernels: plan.kernels, isInference: true))
      recordLosses(shards, examples: positions.count)
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

  private func positions(of shards: Range<Int>, in batch: Range<Int>) -> Range<Int> {
    let first = plan.shards.shardRange(shard: shards.lowerBound, in: batch)
    let last = plan.shards.shardRange(shard: shards.upperBound - 1, in: batch)
    return first.lowerBound..<last.upperBound
  }

  /// Converts a chunk's images, numbered in their run, whose first image has the position `start` in its batch.
  private func load(_ dataset: ImageDataset, chunk: Range<Int>, at start: Int, ordered: Bool) {
    for n in chunk {
      let example = ordered ? shared.order[start + n] : start + n
      let input = plan.network.input(workspace, image: n, of: chunk)
      normalization.load(dataset, example: example, into: input.pixels, row: input.row, pixel: input.pixel)
      workspace.labels[n] = dataset.labels[example]
    }
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
}

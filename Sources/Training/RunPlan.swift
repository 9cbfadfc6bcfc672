import Collectives
import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Summation

/// Everything about a run that is decided before its first step. Immutable, shared by all workers.
package final class RunPlan: Sendable {
  package let configuration: RunConfiguration
  package let network: NetworkPlan
  package let kernels: KernelTable
  package let placement: Placement
  package let topology: Topology
  /// Workers by the node whose memory they use; each group has a replica of the weights.
  package let groups: [Placement.Group]
  /// The trained parameters, by what is exchanged together.
  let buckets: [Bucket]
  /// The floats of the flat parameter buffer that each worker looks after.
  private let parts: [Range<Int>]
  /// What the process does as a rank of a job; `nil` if it is alone.
  package let ranks: RankPlan?
  let shards: ShardPlan
  /// How shard gradients combine for a full batch and for the ragged last one.
  let fullBatch: ReductionProgram
  let lastBatch: ReductionProgram
  /// Flat gradient buffers a worker needs: one per tree node it holds, and one per level above the chunk.
  let gradientSlots: Int
  let treeLevels: Int
  package let memory: RunMemory
  package let optimizer: any Optimizer
  /// How it treats each parameter.
  let updates: UpdateRules
  let rates: LearningRates

  /// Memory that a worker's workspace may take before chunks and runs become smaller.
  private static let activationBudgetBytes = 40 << 20
  /// With at least this many images a dense layer is compute-bound.
  private static let imagesPerChunk = 32

  /// - Parameters:
  ///   - computesInputGradient: whether the backward pass goes all the way to the images.
  ///   - place: the process's among the ranks of a job; `nil` if it is alone.
  package init(
    _ configuration: RunConfiguration, topology: Topology, kernels: KernelTable, exampleCount: Int,
    computesInputGradient: Bool = false, place: RankPlace? = nil
  ) throws {
    self.configuration = configuration
    let runtime = configuration.runtime
    shards = try ShardPlan(
      exampleCount: exampleCount, batchSize: configuration.training.batchSize, shardSize: runtime.shardSize)
    let graph = try ModelGraph(configuration.model)
    let unit = graph.shardsTogether(shardSize: runtime.shardSize)
    placement = try Self.placement(configuration, shards, unit, topology, ranks: place?.count ?? 1)
    self.topology = topology
    groups = placement.groups
    self.kernels = kernels
    let deals = (RankDeal(shards, place, unit, step: 0), RankDeal(shards, place, unit, step: shards.stepsPerEpoch - 1))
    fullBatch = Self.program(shards, groups, deals.0, unit)
    lastBatch = Self.program(shards, groups, deals.1, unit)

    optimizer = configuration.training.optimizer.makeOptimizer()
    try RunMemory.requireFits(
      graph, shardSize: runtime.shardSize, stateSlots: optimizer.slots, AvailableMemory.read())
    let largest = (fullBatch.nodes + lastBatch.nodes).map(\.shards.count).max() ?? 1
    network = try Self.network(
      graph, shardSize: runtime.shardSize, largestNode: largest,
      largestShare: max(fullBatch.largestShare, lastBatch.largestShare), BlockSizes(topology), computesInputGradient)
    gradientSlots = max(fullBatch.slotsPerWorker, lastBatch.slotsPerWorker, 1)
    let isAudited = runtime.auditEverySteps > 0
    guard !isAudited || network.schedule.sums.allSatisfy({ $0.groupShards == nil }) else {
      throw UserError(
        .badConfiguration, "runtime.audit_every_steps",
        "found \(runtime.auditEverySteps); allowed: 0 for a network with virtual_batch_size, whose shards cannot be computed "
          + "alone")
    }
    // In a step with an audit a shard is summed by itself.
    treeLevels = ShardTree.levels(
      of: largest, leafCount: isAudited ? 1 : network.capacity.run / network.capacity.shard)
    let trained = network.parameters.trainedCount
    let workers = groups.map(\.workers)
    parts = Segments.all(count: trained, groups: workers)
    let buckets = Bucket.all(
      trained: trained, front: network.frontParameterCount, place, workers: workers,
      overlaps: place != nil && runtime.mpi.overlap && !network.schedule.hasMeetings)
    self.buckets = buckets
    ranks = place.map { RankPlan($0, full: deals.0, last: deals.1, buckets) }
    memory = RunMemory(
      network, placement, shardsPerBatch: shards.maximumShardCount, gradientBuffers: gradientSlots + treeLevels,
      stateSlots: optimizer.slots, keepsAverage: configuration.training.weightAverage != nil, isAudited: isAudited,
      hugePages: runtime.memory.hugePages, updatedFloats: buckets.map(\.own.count),
      inboxFloats: ranks?.inboxFloats.reduce(0, +) ?? 0)
    let training = configuration.training
    rates = LearningRates(
      training, stepsPerEpoch: shards.stepsPerEpoch,
      totalSteps: min(training.epochs * shards.stepsPerEpoch, training.maxSteps ?? Int.max))
    updates = UpdateRules(
      network.parameters, configuration.training.optimizer, adapts: optimizer.readsNorms)
  }

  /// Shards that a workspace sums without a flat gradient buffer per level of the tree.
  var shardsPerRun: Int { network.capacity.run / network.capacity.shard }
  /// Shards whose activations a workspace holds.
  var shardsPerChunk: Int { network.capacity.chunk / network.capacity.shard }

  /// The network with room for as many shards of the largest tree node as the budget allows: first chunks large enough to
  /// amortise reading a dense layer's weights, then runs. Powers of two; changes speed and memory only.
  ///
  /// If layers meet in the middle of a pass, a worker's whole share of a batch is one chunk.
  private static func network(
    _ graph: ModelGraph, shardSize: Int, largestNode: Int, largestShare: Int, _ sizes: BlockSizes,
    _ computesInputGradient: Bool
  ) throws -> NetworkPlan {
    func plan(_ shardsPerChunk: Int, _ chunksPerRun: Int) throws -> NetworkPlan {
      try NetworkPlan(
        graph,
        capacity: ImageCapacity(shard: shardSize, shardsPerChunk: shardsPerChunk, chunksPerRun: chunksPerRun),
        sizes: sizes, computesInputGradient: computesInputGradient)
    }
    var best = try plan(1, 1)
    if best.schedule.hasMeetings { return try plan(max(1, largestShare), 1) }
    var shards = (chunk: 1, run: 1)
    // Already over budget: do not try larger; it might overflow.
    guard Workspace.byteCount(best) <= activationBudgetBytes else { return best }
    while shards.chunk < largestNode, shards.chunk * shardSize < imagesPerChunk {
      let larger = try plan(2 * shards.chunk, 1)
      guard Workspace.byteCount(larger) <= activationBudgetBytes else { break }
      shards = (2 * shards.chunk, 2 * shards.run)
      best = larger
    }
    while shards.run < largestNode {
      let larger = try plan(shards.chunk, 2 * shards.run / shards.chunk)
      guard Workspace.byteCount(larger) <= activationBudgetBytes else { break }
      shards.run *= 2
      best = larger
    }
    return best
  }

  /// Whether all gradients are summed before any weight is updated, as norms of them are asked for.
  var readsNorms: Bool { optimizer.readsNorms || configuration.training.clipNorm != nil }

  package var workerCount: Int { placement.workers.count }

  /// The floats of the state that a worker looks after: its part and, in the last one, what no worker updates.
  func state(of worker: Int) -> Range<Int> {
    let part = parts[worker]
    return part.lowerBound..<(worker == workerCount - 1 ? memory.parameterFloats : part.upperBound)
  }

  /// The shards of a set of `shardCount` that a worker evaluates: an even share of its rank's even share.
  func evaluated(by worker: Int, shardCount: Int) -> Range<Int> {
    let own =
      ranks.map { shards.shards(ofWorker: $0.place.rank, of: $0.place.count, shardCount: shardCount) } ?? 0..<shardCount
    let run = shards.shards(ofWorker: worker, of: workerCount, shardCount: own.count)
    return own.lowerBound + run.lowerBound..<own.lowerBound + run.upperBound
  }

  /// - Parameter ranks: among which the shards are dealt.
  static func placement(
    _ configuration: RunConfiguration, _ shards: ShardPlan, _ unit: Int, _ topology: Topology, ranks: Int
  ) throws -> Placement {
    let units = (shards.maximumShardCount - 1) / unit + 1
    return try Placement.plan(
      topology, runtime: configuration.runtime, shardsPerBatch: (units - 1) / ranks + 1)
  }

  /// How the workers add the sums of the shards that are dealt to them.
  private static func program(
    _ shards: ShardPlan, _ groups: [Placement.Group], _ deal: RankDeal, _ unit: Int
  ) -> ReductionProgram {
    let workers = groups.last?.workers.upperBound ?? 0
    let own = deal.own
    return ReductionProgram(
      shardCount: deal.shardCount,
      runs: (0..<workers).map { worker in
        let run = shards.shards(ofWorker: worker, of: workers, shardCount: own.count, unit: unit)
        return own.lowerBound + run.lowerBound..<own.lowerBound + run.upperBound
      }, groups: groups.map(\.workers))
  }
}

extension BlockSizes {
  /// For the caches of the machine's first core.
  init(_ topology: Topology) {
    func bytes(level: Int) -> Int? { topology.caches.first { $0.level == level }?.bytes }
    self.init(firstLevelCache: bytes(level: 1), secondLevelCache: bytes(level: 2))
  }
}

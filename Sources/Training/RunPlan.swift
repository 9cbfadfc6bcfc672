import Collectives
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network

/// Everything about a run that is decided before its first step. Immutable, shared by all workers.
package final class RunPlan: Sendable {
  package let configuration: RunConfiguration
  package let network: NetworkPlan
  package let kernels: KernelTable
  package let placement: Placement
  package let topology: Topology
  /// Workers by the node whose memory they use; each group has a replica of the weights.
  package let groups: [Placement.Group]
  /// The floats of the flat parameter buffer that each worker updates.
  let segments: [Range<Int>]
  let shards: ShardPlan
  /// Shards computed layer by layer together: a power of two; changes speed and memory only.
  let shardsPerChunk: Int
  /// How shard gradients combine for a full batch and for the ragged last one.
  let fullBatch: ReductionProgram
  let lastBatch: ReductionProgram
  /// Flat gradient buffers a worker needs: one per tree node it holds, and one per level above the chunk.
  let gradientSlots: Int
  let treeLevels: Int

  /// Memory that activations of one worker may take before chunks become smaller.
  private static let activationBudgetBytes = 48 << 20

  /// - Parameter kernels: the build to use instead of the one that `LOCKSTEP_KERNELS` and the processor select.
  package init(
    _ configuration: RunConfiguration, topology: Topology, exampleCount: Int, computesInputGradient: Bool = false,
    kernels: KernelTable? = nil
  ) throws {
    self.configuration = configuration
    let runtime = configuration.runtime
    shards = try ShardPlan(
      exampleCount: exampleCount, batchSize: configuration.training.batchSize, shardSize: runtime.shardSize)
    placement = try Placement.plan(topology, runtime: runtime, shardsPerBatch: shards.maximumShardCount)
    self.topology = topology
    groups = placement.groups
    self.kernels = try kernels ?? KernelBuild.select(request: environmentVariable("LOCKSTEP_KERNELS"))
    fullBatch = Self.program(shards, groups, step: 0)
    lastBatch = Self.program(shards, groups, step: shards.stepsPerEpoch - 1)

    try MemoryNeeds.requireFits(configuration.model, shardSize: runtime.shardSize, AvailableMemory.read())
    // The chunk: as many shards of the largest tree node as fit the budget.
    let largest = (fullBatch.nodes + lastBatch.nodes).map(\.shards.count).max() ?? 1
    let one = try NetworkPlan(
      configuration.model, maximumExamples: runtime.shardSize, computesInputGradient: computesInputGradient)
    let bytesPerShard = Workspace.byteCount(one, shards: 1)
    var chunk = 1
    while chunk < largest, 2 * chunk * bytesPerShard <= Self.activationBudgetBytes { chunk *= 2 }
    shardsPerChunk = chunk
    gradientSlots = max(fullBatch.slotsPerWorker, lastBatch.slotsPerWorker, 1)
    var levels = 0
    while chunk << levels < largest { levels += 1 }
    treeLevels = levels
    network =
      chunk == 1
      ? one
      : try NetworkPlan(
        configuration.model, maximumExamples: chunk * runtime.shardSize, computesInputGradient: computesInputGradient)
    segments = SegmentUpdate.segments(count: network.parameters.packedCount, groups: groups.map(\.workers))
  }

  package var workerCount: Int { placement.workers.count }

  /// The floats that neighbouring workers update together.
  func segment(of workers: Range<Int>) -> Range<Int> {
    segments[workers.lowerBound].lowerBound..<segments[workers.upperBound - 1].upperBound
  }

  func program(stepInEpoch: Int) -> ReductionProgram {
    stepInEpoch == shards.stepsPerEpoch - 1 ? lastBatch : fullBatch
  }

  private static func program(_ shards: ShardPlan, _ groups: [Placement.Group], step: Int) -> ReductionProgram {
    let workers = groups.last?.workers.upperBound ?? 0
    let count = shards.shardCount(batchSize: shards.batchRange(stepInEpoch: step).count)
    return ReductionProgram(
      shardCount: count, runs: (0..<workers).map { shards.shards(ofWorker: $0, of: workers, shardCount: count) },
      groups: groups.map(\.workers))
  }
}

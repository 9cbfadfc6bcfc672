import Diagnostics
import Machine
import Network
import Runs

/// The memory that a run takes, computed once from its network and placement, before any of it is taken.
///
/// All code that takes, plans, reports or refuses memory asks here. The data sets are not in it.
package struct RunMemory: Sendable, Hashable {
  package let workers: Int
  /// Copies of the weights: one per memory node with workers.
  package let replicas: Int
  /// Floats of one flat parameter buffer; of the trained parameters, which come first in it; and of what is computed from
  /// it once per step.
  package let parameterFloats: Int
  package let trainedFloats: Int
  package let preparedFloats: Int
  /// Of the trained parameters, by bucket, those that are updated here: all of them, but for a rank of a job, which updates a
  /// part.
  let updatedByBucket: [Int]
  /// Floats of the sums that other ranks send.
  package let inboxFloats: Int
  /// Flat buffers of each worker: partial sums, and one per tree level above a run.
  package let gradientBuffers: Int
  /// Of each worker.
  package let activationBytes: Int
  /// Doubles that layers with meetings sum over the shards of a batch.
  package let meetingSums: Int
  /// What the optimizer keeps of every trained parameter.
  package let stateSlots: [StateSlot]
  /// Whether a running mean of all parameters is kept.
  package let keepsAverage: Bool
  /// Whether there is memory for audits.
  package let isAudited: Bool
  /// Whether buffers ask for huge pages.
  package let hugePages: Bool

  package init(
    _ network: NetworkPlan, _ placement: Placement, shardsPerBatch: Int, gradientBuffers: Int, stateSlots: [StateSlot],
    keepsAverage: Bool = false, isAudited: Bool = false, hugePages: Bool, updatedFloats: [Int]? = nil,
    inboxFloats: Int = 0
  ) {
    updatedByBucket = updatedFloats ?? [network.parameters.trainedCount]
    self.inboxFloats = inboxFloats
    self.keepsAverage = keepsAverage
    self.isAudited = isAudited
    meetingSums = shardsPerBatch * network.schedule.sumsPerShard
    workers = placement.workers.count
    replicas = placement.groups.count
    parameterFloats = network.parameters.packedCount
    preparedFloats = network.preparedCount
    self.gradientBuffers = gradientBuffers
    self.stateSlots = stateSlots
    trainedFloats = network.parameters.trainedCount
    self.hugePages = hugePages
    activationBytes = Workspace.byteCount(network)
  }

  /// One flat buffer, and one of the trained parameters alone.
  package var parameterBytes: Int { parameterFloats * MemoryLayout<Float>.stride }
  package var trainedBytes: Int { trainedFloats * MemoryLayout<Float>.stride }
  /// One replica: the weights, and what is computed from them.
  package var replicaBytes: Int {
    (parameterFloats + roundUp(preparedFloats, to: 32)) * MemoryLayout<Float>.stride
  }
  package var updatedFloats: Int { updatedByBucket.reduce(0, +) }
  /// Where each bucket's part of a slot of the optimizer's state begins, and at last from one slot to the next: whole pages, so
  /// that segments begin on a page.
  var stateStarts: [Int] {
    updatedByBucket.reduce(into: [0]) {
      $0.append($0[$0.count - 1] + roundUp($1, to: NodeBuffer.pageBytes / MemoryLayout<Float>.stride))
    }
  }
  package var stateStride: Int { stateStarts[updatedByBucket.count] }
  /// The optimizer's state, shared by all workers.
  package var optimizerBytes: Int {
    guard !stateSlots.isEmpty, let last = updatedByBucket.indices.last else { return 0 }
    let lastSlot = stateStarts[last] + updatedByBucket[last]
    return ((stateSlots.count - 1) * stateStride + lastSlot) * MemoryLayout<Float>.stride
  }
  /// Of the audit: two gradients, and the sums of meetings.
  package var auditBytes: Int { isAudited ? 2 * trainedBytes + meetingSums * MemoryLayout<Double>.stride : 0 }
  /// Of each worker.
  package var gradientBytes: Int { gradientBuffers * trainedBytes }
  /// A copy of the training state, made inside a step.
  package var snapshotBytes: Int { parameterBytes + stateSlots.count * trainedBytes + averageBytes }
  package var averageBytes: Int { keepsAverage ? parameterBytes : 0 }

  /// The copy of the state in the layouts of the file, while it is written, and what else a report allocates.
  package var checkpointBytes: Int { snapshotBytes + 2 << 20 }

  /// All of it; `Int.max` for more than that.
  package var totalBytes: Int {
    let (bytes, overflow): (Int, Bool) = workers.multipliedReportingOverflow(by: activationBytes + gradientBytes)
    let (total, carry): (Int, Bool) = bytes.addingReportingOverflow(sharedBytes + snapshotBytes + checkpointBytes)
    return overflow || carry ? Int.max : total
  }

  private var sharedBytes: Int {
    optimizerBytes + averageBytes + auditBytes + inboxFloats * MemoryLayout<Float>.stride + replicas * replicaBytes
      + meetingSums * MemoryLayout<Double>.stride
  }

  func fits(_ available: AvailableMemory) -> Bool { neededBytes(available) <= available.bytes }

  /// Of a run that does not fit: the sum, and the largest batch that would fit, if one does.
  func refusal(_ available: AvailableMemory, largestBatch: Int?) -> UserError {
    let threadBytes = threadBytes(available)
    let other = "a smaller runtime.workers, runtime.shard_size or network"
    return UserError(
      .systemRefused, "memory",
      "the run needs \(size(neededBytes(available))), but \(size(available.bytes)) are available "
        + "(\(available.source)): \(workers) \(workers == 1 ? "worker" : "workers") × "
        + "(\(size(activationBytes)) activations + \(size(gradientBytes)) gradients) + "
        + "\(size(sharedBytes)) \(Self.list(stateSlots)) and prepared weights + "
        + "\(size(snapshotBytes + checkpointBytes)) for checkpoints"
        + (threadBytes > 0 ? " + \(size(threadBytes)) stacks of threads" : ""),
      hint: largestBatch.map { "the largest training.batch_size that fits is \($0); or use \(other)" } ?? "use \(other)"
    )
  }

  private func threadBytes(_ available: AvailableMemory) -> Int {
    available.countsAddresses ? ResourceLimits.addressBytes(threads: workers + 2) : 0
  }

  /// All memory, with the stacks of threads where they count; `Int.max` for more than that.
  private func neededBytes(_ available: AvailableMemory) -> Int {
    let (bytes, overflow): (Int, Bool) = totalBytes.addingReportingOverflow(threadBytes(available))
    return overflow ? Int.max : bytes
  }

  /// `weights, momentum`: what a weight and its state are called.
  static func list(_ slots: [StateSlot]) -> String { (["weights"] + slots.map(\.name)).joined(separator: ", ") }

  private func size(_ bytes: Int) -> String {
    bytes < 10 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\(((bytes - 1) >> 20) + 1) MiB"
  }
}

import Diagnostics
import Machine
import Network

/// The memory that a run will take, known before any of it is taken.
struct MemoryNeeds {
  private let workers: Int
  private let workspaceBytes: Int
  private let gradientBytes: Int
  private let sharedBytes: Int
  private let snapshotBytes: Int

  init(_ plan: RunPlan) {
    let parameters = plan.network.parameters.packedCount * MemoryLayout<Float>.stride
    workers = plan.workerCount
    workspaceBytes = WorkerMemory.activationBytes(plan)
    gradientBytes = WorkerMemory.gradientBytes(plan)
    sharedBytes = parameters + plan.groups.count * WeightReplica.byteCount(plan)
    snapshotBytes = Snapshot.byteCount(plan) + Self.checkpointBytes(plan)
  }

  /// The copy of the state in the layouts of the file, while it is written, and what else a report allocates.
  static func checkpointBytes(_ plan: RunPlan) -> Int { Snapshot.byteCount(plan) + 2 << 20 }

  /// `Int.max` for more than that.
  var totalBytes: Int {
    let (bytes, overflow): (Int, Bool) = workers.multipliedReportingOverflow(by: workspaceBytes + gradientBytes)
    let (total, carry): (Int, Bool) = bytes.addingReportingOverflow(sharedBytes + snapshotBytes)
    return overflow || carry ? Int.max : total
  }

  /// Refuses a run that needs more than `available`, before it takes any; `nil` is a limit nobody knows.
  ///
  /// - Throws: `UserError(.systemRefused)` with the sum.
  func requireFits(_ available: AvailableMemory?) throws(UserError) {
    guard let available else { return }
    let threadBytes: Int = available.countsAddresses ? ResourceLimits.addressBytes(threads: workers + 2) : 0
    let (neededBytes, overflow): (Int, Bool) = totalBytes.addingReportingOverflow(threadBytes)
    guard overflow || neededBytes > available.bytes else { return }
    throw UserError(
      .systemRefused, "memory",
      "the run needs \(size(overflow ? Int.max : neededBytes)), but \(size(available.bytes)) are available (\(available.source)): "
        + "\(workers) \(workers == 1 ? "worker" : "workers") × (\(size(workspaceBytes)) activations + "
        + "\(size(gradientBytes)) gradients) + \(size(sharedBytes)) weights, momentum and prepared weights + "
        + "\(size(snapshotBytes)) for checkpoints"
        + (threadBytes > 0 ? " + \(size(threadBytes)) stacks of threads" : ""),
      hint: "use a smaller runtime.workers, runtime.shard_size or network")
  }

  private func size(_ bytes: Int) -> String {
    bytes < 10 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\(((bytes - 1) >> 20) + 1) MiB"
  }
}

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
    // The copy made inside a step, and the one in the layouts of the file while it is written.
    snapshotBytes = 2 * Snapshot.byteCount(plan)
  }

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
    guard let available, totalBytes > available.bytes else { return }
    throw UserError(
      .systemRefused, "memory",
      "the run needs \(size(totalBytes)), but \(size(available.bytes)) are available (\(available.source)): "
        + "\(workers) \(workers == 1 ? "worker" : "workers") × (\(size(workspaceBytes)) activations + "
        + "\(size(gradientBytes)) gradients) + \(size(sharedBytes)) weights, momentum and prepared weights + "
        + "\(size(snapshotBytes)) for checkpoints",
      hint: "use a smaller runtime.workers, runtime.shard_size or network")
  }

  private func size(_ bytes: Int) -> String {
    bytes < 10 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\(((bytes - 1) >> 20) + 1) MiB"
  }
}

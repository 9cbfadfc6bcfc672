import Collectives
import Datasets
import Diagnostics
import Machine

/// A data set as the workers of each memory node read it.
///
///     one node in use          its pages are moved there
///     a copy on every node     the first group's workers read the original, moved to their node, the others copies
///     interleaved              its pages lie on the nodes in turn
///
/// `@unchecked Sendable`: a group's entries are written by its first member, and read by the others after a barrier.
final class PlacedDataset: @unchecked Sendable {
  private enum Policy {
    case whole, copies, interleaved
  }
  private let groups: [Placement.Group]
  private let policy: Policy
  /// False where the machine has one node: there is nothing to ask the system for.
  private let asksSystem: Bool
  private let datasets: UnsafeMutablePointer<ImageDataset>
  private let refusals: UnsafeMutablePointer<Int>

  /// - Throws: `UserError(.systemRefused)` where copies are wanted that do not fit into `available`.
  init(_ dataset: ImageDataset, _ plan: RunPlan, available: AvailableMemory? = AvailableMemory.read()) throws(UserError)
  {
    groups = plan.groups
    asksSystem = plan.topology.nodes.count > 1
    let copiesBytes = (groups.count - 1) * Self.bytes(dataset)
    policy =
      switch plan.configuration.runtime.memory.dataset {
      case _ where groups.count == 1: .whole
      case .interleave: .interleaved
      case .perNode: .copies
      case .auto: copiesBytes <= (available?.bytes ?? Int.max) / 4 ? .copies : .interleaved
      }
    if policy == .copies, let available, copiesBytes > available.bytes {
      throw UserError(
        .systemRefused, "runtime.memory.dataset",
        "a copy of the data set on each of \(groups.count) nodes takes \(copiesBytes >> 20) MiB more, but "
          + "\(available.bytes >> 20) MiB are available (\(available.source))", hint: "use \"interleave\"")
    }
    datasets = .allocate(capacity: groups.count)
    datasets.initialize(repeating: dataset, count: groups.count)
    refusals = .allocate(capacity: groups.count)
    refusals.initialize(repeating: 0, count: groups.count)
  }

  deinit {
    datasets.deinitialize(count: groups.count)
    datasets.deallocate()
    refusals.deallocate()
  }

  /// The data set that the worker reads; every worker calls it once, before its first step.
  func place(_ context: WorkerContext) throws -> ImageDataset {
    if context.member == 0, let node = context.memoryNode {
      if policy == .copies, context.group > 0 { datasets[context.group] = try datasets[0].copy() }
      for bytes in datasets[context.group].memory where asksSystem {
        switch policy {
        case .whole, .copies: refuse(!MemoryPolicy.prefer(node: node, bytes, moves: true), context.group)
        case .interleaved where context.group == 0:
          refuse(!MemoryPolicy.interleave(nodes: Set(groups.compactMap(\.memoryNode)).sorted(), bytes), context.group)
        case .interleaved: break
        }
      }
    }
    try context.groupBarrier.wait()
    return datasets[context.group]
  }

  /// The worker's part of the memory to account for, and the nodes its pages may lie on; `nil` where any will do.
  func account(_ context: WorkerContext) -> (bytes: [UnsafeRawBufferPointer], nodes: Set<Int>?) {
    let memory = datasets[context.group].memory
    switch policy {
    case .whole, .copies:
      return (
        memory.map { part(context.member, of: context.members.count, $0) }, context.memoryNode.map { [$0] }
      )
    case .interleaved:
      return (memory.map { part(context.index, of: context.count, $0) }, Set(groups.compactMap(\.memoryNode)))
    }
  }

  /// How often the system refused to place memory; to be read once the workers have finished.
  var placementRefusals: Int { groups.indices.reduce(0) { $0 + refusals[$1] } }

  private func refuse(_ isRefused: Bool, _ group: Int) { if isRefused { refusals[group] += 1 } }

  private static func bytes(_ dataset: ImageDataset) -> Int { dataset.memory.reduce(0) { $0 + $1.count } }
}

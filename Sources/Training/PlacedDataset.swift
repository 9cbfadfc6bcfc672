import Collectives
import Datasets
import Diagnostics
import Machine

/// How a data set lies on the nodes whose workers read it.
package enum DatasetPlacement: String, Sendable, Hashable {
  case whole
  case copies = "per_node"
  case interleaved = "interleave"
}

/// A data set as the workers of each memory node read it.
///
///     one node in use          its pages are moved there
///     a copy on every node     the first group's workers read the original, moved to their node, the others copies
///     interleaved              its pages lie on the nodes in turn
///     in a file                its pages are where the system's copies of the file are
///
/// If the system refuses to move the original, its readers make a copy too, which first touch places.
///
/// `@unchecked Sendable`: a group's entries are written by its first member, and read by the others after a barrier.
final class PlacedDataset: @unchecked Sendable {
  private let groups: [Placement.Group]
  let policy: DatasetPlacement
  /// False if the machine has one node: there is nothing to ask the system for.
  private let asksSystem: Bool
  private let original: ImageDataset
  private let datasets: UnsafeMutablePointer<ImageDataset>
  private let refusals: UnsafeMutablePointer<Int>

  /// - Throws: `UserError(.systemRefused)` if copies are wanted that do not fit into `available`.
  init(_ dataset: ImageDataset, _ plan: RunPlan, available: AvailableMemory? = AvailableMemory.read()) throws(UserError)
  {
    groups = plan.groups
    original = dataset
    let isFile = dataset.mapped != nil
    asksSystem = plan.topology.nodes.count > 1 && !isFile
    let copiesBytes = (groups.count - 1) * dataset.memory.reduce(0) { $0 + $1.count }
    // The run's own memory is not touched yet, so the system still counts it as available.
    let freeBytes = available.map { $0.bytes - plan.memory.totalBytes } ?? Int.max
    policy =
      switch plan.configuration.runtime.memory.dataset {
      case _ where groups.count == 1 || isFile: .whole
      case .interleave: .interleaved
      case .perNode: .copies
      case .auto: copiesBytes <= freeBytes / 4 ? .copies : .interleaved
      }
    if policy == .copies, copiesBytes > freeBytes {
      throw UserError(
        .systemRefused, "runtime.memory.dataset",
        "a copy of the data set on each of \(groups.count) nodes takes \(copiesBytes >> 20) MiB more, but besides the "
          + "run's own memory \(max(0, freeBytes) >> 20) MiB are available", hint: "use \"interleave\"")
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
    if context.member == 0, asksSystem, let node = context.memoryNode {
      switch policy {
      case .interleaved:
        if context.group == 0 { refusals[0] = original.memory.count { !MemoryPolicy.interleave(nodes: nodes, $0) } }
      case .whole, .copies:
        var own = context.group == 0 ? original : try original.copy()
        refusals[context.group] = own.memory.count { !MemoryPolicy.prefer(node: node, $0, moves: true) }
        if context.group == 0, refusals[0] > 0 { own = try original.copy() }
        datasets[context.group] = own
      }
    }
    try context.groupBarrier.wait()
    return datasets[context.group]
  }

  private var nodes: [Int] { Set(groups.compactMap(\.memoryNode)).sorted() }

  /// The worker's part of the memory to account for, and the nodes its pages may lie on; `nil` if any will do.
  func account(_ context: WorkerContext) -> (bytes: [UnsafeRawBufferPointer], nodes: Set<Int>?) {
    // The system moves the pages of files as it likes.
    guard original.mapped == nil else { return ([], nil) }
    let memory = datasets[context.group].memory
    switch policy {
    case .whole, .copies:
      return (
        memory.map { part(context.member, of: context.members.count, $0) }, context.memoryNode.map { [$0] }
      )
    case .interleaved:
      return (memory.map { part(context.index, of: context.count, $0) }, Set(nodes))
    }
  }

  /// How often the system refused to place memory; to be read once the workers have finished.
  var placementRefusals: Int { groups.indices.reduce(0) { $0 + refusals[$1] } }
}

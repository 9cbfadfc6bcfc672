import Machine
import Storage
import Training

/// What `topology` prints: the machine, the kernels and, with a configuration, the place of every worker.
package struct TopologyReport: Summary {
  package var topology: Topology
  /// The build in use; `nil` for another machine.
  package var kernels: String?
  /// Why this build of the kernels was chosen; empty if that is not known.
  package var kernelReason: String
  package var placement: Placement?
  package var memory: MemoryPlan?
  /// Of the job that the process is a rank of.
  package var ranks: RankReport?

  package init(
    topology: Topology, kernels: String?, kernelReason: String = "", placement: Placement?, memory: MemoryPlan? = nil,
    ranks: RankReport? = nil
  ) {
    self.topology = topology
    self.kernels = kernels
    self.kernelReason = kernelReason
    self.placement = placement
    self.memory = memory
    self.ranks = ranks
  }

  package var lines: [String] {
    topology.lines
      + (kernels.map { ["Kernels      \($0)\(kernelReason.isEmpty ? "" : ", \(kernelReason)")"] } ?? [])
      + (placement.map { [""] + $0.lines } ?? []) + (memory.map { [""] + $0.lines } ?? [])
      + (ranks.map { [""] + $0.lines } ?? [])
  }

  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("processor", .string(topology.processorName)),
      .init("nodes", .array(topology.nodes.map(Self.node))),
      .init(
        "cores",
        .array(
          topology.cores.map {
            .object([
              .init("cpus", .string($0.cpus.description)), .init("node", .integer($0.node)),
              .init("package", .integer($0.package)), .init("last_level_cache", .integer($0.lastLevelCache)),
            ])
          })),
      .init(
        "caches",
        .array(
          topology.caches.map {
            .object([
              .init("level", .integer($0.level)), .init("bytes", .integer($0.bytes)),
              .init("shared_by", .string($0.sharedBy.description)),
            ])
          })),
      .init("last_level_caches", .array(topology.lastLevelCaches.map { .string($0.description) })),
      .init(
        "usable",
        .object([
          .init("cpus", .string(topology.usable.cpus.description)),
          .init("quota", topology.usable.quota.map { .integer($0) } ?? .null),
          .init("reasons", .array(topology.usable.reasons.map { .string($0) })),
        ])),
      .init("numa_balancing", .bool(topology.hasAutomaticNUMABalancing)),
      .init("transparent_huge_pages", .string(topology.transparentHugePages)),
    ]
    if let kernels { members.append(.init("kernels", .string(kernels))) }
    if kernels != nil, !kernelReason.isEmpty { members.append(.init("kernels_because", .string(kernelReason))) }
    if let placement {
      members.append(.init("workers", .array(placement.workers.map(Self.worker))))
      members.append(.init("notes", .array(placement.notes.map { .string($0) })))
    }
    if let memory { members.append(.init("memory", memory.json)) }
    if let ranks { members.append(.init("ranks", ranks.json)) }
    return .object(members)
  }

  private static func node(_ node: Topology.Node) -> JSONValue {
    .object([
      .init("id", .integer(node.id)), .init("cpus", .string(node.cpus.description)),
      .init("memory_bytes", .integer(node.memoryBytes)),
      .init("distances", .array(node.distances.map { .integer($0) })),
    ])
  }

  private static func worker(_ worker: Placement.Worker) -> JSONValue {
    .object([.init("cpu", worker.cpu.map { .integer($0) } ?? .null), .init("node", .integer(worker.node))])
  }
}

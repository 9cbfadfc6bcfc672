import Machine

extension Topology {
  /// A machine of `nodes` nodes with `cores` cores each, whose CPUs and nodes this one need not have.
  ///
  /// The system refuses what is not there, and the run goes on: the plan alone decides who computes what, where weights
  /// are copied to, and in which phases gradients are added.
  static func virtual(nodes: Int, cores: Int, memoryless: Set<Int> = []) -> Topology {
    let cpus: [CPUSet] = (0..<nodes).map { CPUSet($0 * cores..<($0 + 1) * cores) }
    let all: CPUSet = CPUSet(0..<nodes * cores)
    return Topology(
      nodes: (0..<nodes).map { id in
        Node(
          id: id, cpus: cpus[id], memoryBytes: memoryless.contains(id) ? 0 : 1 << 34,
          distances: (0..<nodes).map { $0 == id ? 10 : 20 + abs($0 - id) })
      },
      cores: (0..<nodes * cores).map {
        Core(cpus: [$0], node: $0 / cores, package: $0 / cores, lastLevelCache: $0 / cores)
      },
      lastLevelCaches: cpus, caches: [],
      usable: UsableCPUs(cpus: all, quota: nil, reasons: ["\(nodes * cores) CPUs of a machine that is not there"]))
  }
}

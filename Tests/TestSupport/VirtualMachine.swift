import Machine

extension Topology {
  /// A machine of `nodes` nodes with `cores` cores of `threads` SMT siblings each, whose CPUs and nodes this one need not have.
  ///
  /// The system refuses what is not there, and the run continues: only the plan decides which worker computes what, where weights
  /// are copied to, and in which phases gradients are added.
  package static func virtual(nodes: Int, cores: Int, threads: Int = 1, memoryless: Set<Int> = []) -> Topology {
    let total = nodes * cores
    func cpus(_ cores: Range<Int>) -> CPUSet {
      CPUSet((0..<threads).flatMap { thread in cores.map { $0 + thread * total } })
    }
    let blocks: [CPUSet] = (0..<nodes).map { cpus($0 * cores..<($0 + 1) * cores) }
    return Topology(
      nodes: (0..<nodes).map { id in
        Node(
          id: id, cpus: blocks[id], memoryBytes: memoryless.contains(id) ? 0 : 1 << 34,
          distances: (0..<nodes).map { $0 == id ? 10 : 20 + abs($0 - id) })
      },
      cores: (0..<total).map {
        Core(
          cpus: cpus($0..<$0 + 1), node: $0 / cores, package: $0 / cores, lastLevelCache: $0 / cores)
      },
      lastLevelCaches: blocks, caches: [],
      usable: UsableCPUs(
        cpus: cpus(0..<total), quota: nil, reasons: ["\(threads * total) CPUs of a machine that is not there"]))
  }
}

/// The machine as plain data: memory nodes, cores, caches, and the CPUs that this process may use.
///
/// Holds only online CPUs, each in exactly one node and one core; `Topology.read` makes one, tests make others by hand.
package struct Topology: Sendable, Hashable {
  /// A NUMA node; it may have memory and no CPU, or CPUs and no memory.
  package struct Node: Sendable, Hashable {
    package var id: Int
    package var cpus: CPUSet
    package var memoryBytes: Int
    /// Relative cost of reaching each node's memory, in the order of `Topology.nodes`; 10 is local.
    package var distances: [Int]

    package init(id: Int, cpus: CPUSet, memoryBytes: Int, distances: [Int]) {
      self.id = id
      self.cpus = cpus
      self.memoryBytes = memoryBytes
      self.distances = distances
    }
  }

  /// A physical core with the CPUs (SMT siblings) that share it.
  package struct Core: Sendable, Hashable {
    package var cpus: CPUSet
    package var node: Int
    package var package: Int
    /// Index into `Topology.lastLevelCaches`.
    package var lastLevelCache: Int

    package init(cpus: CPUSet, node: Int, package: Int, lastLevelCache: Int) {
      self.cpus = cpus
      self.node = node
      self.package = package
      self.lastLevelCache = lastLevelCache
    }
  }

  /// One cache that holds data.
  package struct Cache: Sendable, Hashable {
    package var level: Int
    package var bytes: Int
    package var sharedBy: CPUSet

    package init(level: Int, bytes: Int, sharedBy: CPUSet) {
      self.level = level
      self.bytes = bytes
      self.sharedBy = sharedBy
    }
  }

  /// What the process may use, and why it is not everything.
  package struct UsableCPUs: Sendable, Hashable {
    package var cpus: CPUSet
    /// The CPUs that machine and control group grant, of which the affinity may leave out some.
    package var granted: CPUSet
    /// Whole CPUs that the control groups' time quota is worth, at least 1; `nil` without a quota.
    package var quota: Int?
    /// Sentences without a full stop, from the machine inwards.
    package var reasons: [String]

    /// - Parameter granted: `nil` for `cpus`.
    package init(cpus: CPUSet, granted: CPUSet? = nil, quota: Int?, reasons: [String]) {
      self.cpus = cpus
      self.granted = granted ?? cpus
      self.quota = quota
      self.reasons = reasons
    }
  }

  /// By ascending id; at least one.
  package var nodes: [Node]
  /// By ascending first CPU.
  package var cores: [Core]
  /// The CPUs of each last-level cache, by ascending first CPU.
  package var lastLevelCaches: [CPUSet]
  /// The data caches of the first online CPU, nearest first.
  package var caches: [Cache]
  package var usable: UsableCPUs
  /// The processor's name; empty if the system does not say.
  package var processorName: String
  /// Whether the kernel moves pages between nodes by itself, which would undo a placement.
  package var hasAutomaticNUMABalancing: Bool
  /// `always`, `madvise` or `never`; empty if the system does not say.
  package var transparentHugePages: String

  package init(
    nodes: [Node], cores: [Core], lastLevelCaches: [CPUSet], caches: [Cache], usable: UsableCPUs,
    processorName: String = "", hasAutomaticNUMABalancing: Bool = false, transparentHugePages: String = ""
  ) {
    self.nodes = nodes
    self.cores = cores
    self.lastLevelCaches = lastLevelCaches
    self.caches = caches
    self.usable = usable
    self.processorName = processorName
    self.hasAutomaticNUMABalancing = hasAutomaticNUMABalancing
    self.transparentHugePages = transparentHugePages
  }

  package var onlineCPUs: CPUSet { nodes.reduce(CPUSet()) { $0.union($1.cpus) } }

  /// Physical cores with at least one usable CPU.
  package var usableCores: [Core] { cores.filter { !$0.cpus.intersection(usable.cpus).isEmpty } }

  package func node(_ id: Int) -> Node? { nodes.first { $0.id == id } }
}

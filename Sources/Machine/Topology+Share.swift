extension Topology {
  /// The machine as one of `count` processes uses it that share its usable CPUs: a run of whole cores, node by node.
  ///
  /// Where there are more processes than cores, they take turns. A quota of CPU time is divided, too.
  /// - Parameter name: what the reason calls the process, such as "rank 2".
  /// - Precondition: 0 ≤ `index` < `count`.
  package func share(_ index: Int, of count: Int, name: String) -> Topology {
    precondition(index >= 0 && index < count, "There is no share \(index) of \(count).")
    guard count > 1 else { return self }
    let cores = usableCores.enumerated().sorted { ($0.element.node, $0.offset) < ($1.element.node, $1.offset) }
    let own =
      cores.count < count
      ? index % cores.count..<index % cores.count + 1 : cores.count * index / count..<cores.count * (index + 1) / count
    var shared = self
    shared.usable.cpus = cores[own].reduce(CPUSet()) { $0.union($1.element.cpus) }.intersection(usable.cpus)
    shared.usable.quota = usable.quota.map { max(1, $0 / count) }
    shared.usable.reasons.append("\(name) is one of \(count) on these and takes CPUs \(shared.usable.cpus)")
    return shared
  }
}

extension Topology {
  /// The machine in lines for people: processor, nodes, caches, usable CPUs and why, and what may upset a placement.
  package var lines: [String] {
    var lines: [String] = []
    if !processorName.isEmpty { lines.append("Processor    \(processorName)") }
    let siblings = cores.map(\.cpus.count).max() ?? 1
    let packages = Set(cores.map(\.package)).count
    lines.append(
      "Cores        \(counted(cores.count, "physical core")) in \(counted(packages, "package")), "
        + "\(counted(onlineCPUs.count, "CPU"))"
        + (siblings > 1 ? " (up to \(siblings) SMT siblings per core)" : ""))
    for (index, node) in nodes.enumerated() {
      let owned = cores.count { $0.node == node.id }
      let cpus = node.cpus.isEmpty ? "no CPU" : "CPUs \(node.cpus) (\(counted(owned, "core")))"
      let memory = node.memoryBytes == 0 ? "no memory" : "\(Self.size(node.memoryBytes)) memory"
      let distances = node.distances.map(String.init).joined(separator: " ")
      lines.append(
        "\(index == 0 ? "Nodes   " : "        ")     node \(node.id): \(cpus), \(memory), distances \(distances)")
    }
    for (index, cache) in caches.enumerated() {
      let sharing =
        cache.sharedBy.count == 1
        ? "per CPU" : "shared by \(counted(cache.sharedBy.count, "CPU")) (CPUs \(cache.sharedBy))"
      let name = cache.level == 1 ? "L1d" : "L\(cache.level) "
      lines.append("\(index == 0 ? "Caches  " : "        ")     \(name) \(Self.size(cache.bytes)) \(sharing)")
    }
    if lastLevelCaches.count > 1 {
      lines.append("             \(lastLevelCaches.count) last-level caches")
    }
    let quota = usable.quota.map { ", quota worth \(counted($0, "CPU"))" } ?? ""
    lines.append(
      "Usable       \(counted(usable.cpus.count, "CPU")) (\(usable.cpus)) on "
        + "\(counted(usableCores.count, "physical core"))\(quota), because")
    lines += usable.reasons.map { "             - \($0)" }
    if !transparentHugePages.isEmpty { lines.append("Huge pages   \(transparentHugePages)") }
    if hasAutomaticNUMABalancing {
      lines.append(
        nodes.count > 1
          ? "Warning      automatic NUMA balancing is on: the kernel may move pages (kernel.numa_balancing=0 stops it)"
          : "NUMA         automatic balancing is on, with no effect on one node")
    }
    return lines
  }

  /// `48 KiB`, `1.5 GiB`: at most one decimal, rounded down.
  package static func size(_ bytes: Int) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes >> shift > 0 {
      let tenths = ((bytes >> (shift - 10)) * 10) >> 10
      return tenths % 10 == 0 || tenths >= 1_000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
  }
}

extension Placement {
  /// The plan in lines for people: each node's workers and CPUs, then the notes.
  package var lines: [String] {
    var lines: [String] = []
    var first = 0
    while first < workers.count {
      let node = workers[first].node
      let end = workers[first...].firstIndex { $0.node != node } ?? workers.count
      let numbers = CPUSet(first..<end)
      let cpus = workers[first..<end].compactMap(\.cpu)
      let who = end - first == 1 ? "worker \(numbers)" : "workers \(numbers)"
      lines.append(
        cpus.isEmpty
          ? "\(who) not pinned"
          : "node \(node): \(who) on \(cpus.count == 1 ? "CPU" : "CPUs") \(linuxList(cpus))")
      first = end
    }
    return lines + notes.map { "- \($0)" }
  }
}

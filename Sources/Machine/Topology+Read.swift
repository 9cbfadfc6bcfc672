import Diagnostics

extension Topology {
  private static let cpuFolder = "/sys/devices/system/cpu"
  private static let nodeFolder = "/sys/devices/system/node"

  /// The machine whose `/sys` and `/proc` are below `root`.
  ///
  /// What the tree does not say is filled in: one node if there are none, a core of its own for every CPU, one last-level
  /// cache per package.
  /// - Throws: `UserError` (71) if a file cannot be understood, or no CPU is usable; (66) if another machine's tree does
  ///   not name its CPUs.
  package static func read(root: String = "/") throws(UserError) -> Topology {
    try read(SystemFiles(root: root))
  }

  static func read(_ files: SystemFiles) throws(UserError) -> Topology {
    let affinity: CPUSet? = try files.affinity()
    guard let online = try files.list("\(cpuFolder)/online") ?? affinity, !online.isEmpty else {
      throw UserError(
        files.areOfThisMachine ? .systemRefused : .inputMissing, files.path("\(cpuFolder)/online"),
        "the file that says which CPUs are online is missing or empty.")
    }
    let nodes = try readNodes(files, online)
    let lastLevelCaches = try readLastLevelCaches(files, online)
    return Topology(
      nodes: nodes, cores: try readCores(files, online, nodes, lastLevelCaches), lastLevelCaches: lastLevelCaches,
      caches: try readCaches(files, cpu: online.first ?? 0, online),
      usable: try UsableCPUs.read(files, online: online, affinity: affinity ?? online),
      processorName: readProcessorName(files),
      hasAutomaticNUMABalancing: (files.number("/proc/sys/kernel/numa_balancing") ?? 0) != 0,
      transparentHugePages: readHugePages(files))
  }

  private static func readNodes(_ files: SystemFiles, _ online: CPUSet) throws(UserError) -> [Node] {
    let memory = files.memoryBytes("/proc/meminfo", key: "MemTotal") ?? 0
    guard let ids = try files.list("\(nodeFolder)/online"), let first = ids.first else {
      return [Node(id: 0, cpus: online, memoryBytes: memory, distances: [10])]
    }
    var nodes: [Node] = []
    var homeless = online
    for id in ids {
      let folder = "\(nodeFolder)/node\(id)"
      let cpus: CPUSet = (try files.list("\(folder)/cpulist") ?? CPUSet()).intersection(homeless)
      homeless = homeless.subtracting(cpus)
      let told: [Int] = (files.text("\(folder)/distance") ?? "").split(whereSeparator: \.isWhitespace).compactMap {
        Int($0)
      }
      let distances = told.count == ids.count ? told : ids.map { $0 == id ? 10 : 20 }
      nodes.append(
        Node(
          id: id, cpus: cpus, memoryBytes: files.memoryBytes("\(folder)/meminfo", key: "MemTotal") ?? 0,
          distances: distances))
    }
    // CPUs that no node claims belong to the first: the kernel allocates there for them.
    if let index = nodes.firstIndex(where: { $0.id == first }) { nodes[index].cpus = nodes[index].cpus.union(homeless) }
    return nodes
  }

  private static func readCores(
    _ files: SystemFiles, _ online: CPUSet, _ nodes: [Node], _ lastLevelCaches: [CPUSet]
  ) throws(UserError) -> [Core] {
    var cores: [Core] = []
    var rest = online
    for cpu in online where rest.contains(cpu) {
      let folder = "\(cpuFolder)/cpu\(cpu)/topology"
      let siblings: CPUSet? = try files.list(
        firstOf: "\(folder)/core_cpus_list", "\(folder)/thread_siblings_list")
      let cpus: CPUSet = (siblings ?? []).union([cpu]).intersection(rest)
      rest = rest.subtracting(cpus)
      cores.append(
        Core(
          cpus: cpus, node: nodes.first { $0.cpus.contains(cpu) }?.id ?? nodes[0].id,
          package: max(0, files.number("\(folder)/physical_package_id") ?? 0),
          lastLevelCache: lastLevelCaches.firstIndex { $0.contains(cpu) } ?? 0))
    }
    return cores
  }

  /// Reads one CPU of each cache: reading them all takes a tenth of a second on a machine with hundreds.
  private static func readLastLevelCaches(_ files: SystemFiles, _ online: CPUSet) throws(UserError) -> [CPUSet] {
    var groups: [CPUSet] = []
    var rest = online
    for cpu in online where rest.contains(cpu) {
      let folder = "\(cpuFolder)/cpu\(cpu)/topology"
      let neighbours: CPUSet? = try files.list(
        firstOf: "\(folder)/package_cpus_list", "\(folder)/core_siblings_list")
      let cached: CPUSet? = try readCaches(files, cpu: cpu, online).last?.sharedBy
      let group: CPUSet = (cached ?? neighbours ?? rest).union([cpu]).intersection(rest)
      rest = rest.subtracting(group)
      groups.append(group)
    }
    return groups
  }

  private static func readCaches(_ files: SystemFiles, cpu: Int, _ online: CPUSet) throws(UserError) -> [Cache] {
    var caches: [Cache] = []
    var index = 0
    while let level = files.number("\(cpuFolder)/cpu\(cpu)/cache/index\(index)/level") {
      let folder = "\(cpuFolder)/cpu\(cpu)/cache/index\(index)"
      index += 1
      guard files.text("\(folder)/type")?.trimmed != "Instruction" else { continue }
      let sharedBy: CPUSet = (try files.list("\(folder)/shared_cpu_list") ?? [cpu]).intersection(online)
      caches.append(Cache(level: level, bytes: files.size("\(folder)/size") ?? 0, sharedBy: sharedBy))
    }
    return caches.sorted { $0.level < $1.level }
  }

  /// The first processor's name; the rest of the file is long, and slow to read.
  private static func readProcessorName(_ files: SystemFiles) -> String {
    let text = files.text("/proc/cpuinfo", limit: 4_096) ?? ""
    let line: Substring? = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return String(line?.split(separator: ":", maxSplits: 1).last?.trimmed ?? "")
  }

  /// The bracketed word of `always [madvise] never`.
  private static func readHugePages(_ files: SystemFiles) -> String {
    let text = files.text("/sys/kernel/mm/transparent_hugepage/enabled") ?? ""
    let word: Substring? = text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("[") && $0.hasSuffix("]") }
    return String(word?.dropFirst().dropLast() ?? "")
  }
}

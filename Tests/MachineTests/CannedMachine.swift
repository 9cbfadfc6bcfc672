import Foundation

@testable import Machine

/// A short description of a machine, as the `/sys` and `/proc` files that Linux would show.
struct CannedMachine: Sendable {
  struct Node: Sendable {
    var id: Int
    var cpus: CPUSet
    var megabytes: Int
  }
  var nodes: [Node]
  /// Sets of SMT siblings; CPUs in none are cores of their own.
  var siblings: [CPUSet] = []
  var packages: [CPUSet]
  var lastLevelCaches: [CPUSet]
  var present: CPUSet
  var online: CPUSet
  /// Further files, path to text.
  var files: [String: String] = [:]

  init(nodes: [Node], packages: [CPUSet], lastLevelCaches: [CPUSet]? = nil, siblings: [CPUSet] = []) {
    self.nodes = nodes
    self.packages = packages
    self.lastLevelCaches = lastLevelCaches ?? packages
    self.siblings = siblings
    present = packages.reduce(CPUSet()) { $0.union($1) }
    online = present
  }

  /// `sockets` × `cores` with `threads` CPUs per core, numbered as Linux does: all first siblings, then the second ones.
  static func regular(
    sockets: Int, nodesPerSocket: Int = 1, cores: Int, threads: Int = 1, coresPerCache: Int? = nil
  ) -> CannedMachine {
    let total = sockets * cores
    func cpus(_ cores: Range<Int>) -> CPUSet {
      CPUSet((0..<threads).flatMap { thread in cores.map { thread * total + $0 } })
    }
    func blocks(_ size: Int) -> [CPUSet] {
      stride(from: 0, to: total, by: size).map { cpus($0..<min($0 + size, total)) }
    }
    let nodes: [Node] = blocks(cores / nodesPerSocket).enumerated().map {
      Node(id: $0, cpus: $1, megabytes: 65_536)
    }
    return CannedMachine(
      nodes: nodes, packages: blocks(cores), lastLevelCaches: blocks(coresPerCache ?? cores), siblings: blocks(1))
  }

  func read() throws -> Topology { try Topology.read(SystemFiles(texts: texts())) }

  /// As `read`, but through a folder on disk that exists as long as this runs.
  func readFromDisk() throws -> Topology {
    let root = FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in texts() {
      let file = root.appending(path: String(path.dropFirst()))
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return try Topology.read(root: root.path(percentEncoded: false))
  }

  /// Absolute path to text.
  func texts() -> [String: String] {
    var texts: [String: String] = [:]
    func write(_ path: String, _ text: String) { texts["/" + path] = text }
    let cpu = "sys/devices/system/cpu"
    write("\(cpu)/present", "\(present)\n")
    write("\(cpu)/online", "\(online)\n")
    for number in online {
      let folder = "\(cpu)/cpu\(number)"
      let own: CPUSet = (siblings.first { $0.contains(number) } ?? [number]).intersection(online)
      let cache = lastLevelCaches.first { $0.contains(number) } ?? [number]
      write("\(folder)/topology/core_cpus_list", "\(own)\n")
      write(
        "\(folder)/topology/physical_package_id", "\(packages.firstIndex { $0.contains(number) } ?? -1)\n")
      let caches: [(String, String, String, CPUSet)] = [
        ("1", "Data", "48K", own), ("1", "Instruction", "32K", own), ("2", "Unified", "2048K", own),
        ("3", "Unified", "36M", cache.intersection(online)),
      ]
      for (index, (level, type, size, shared)) in caches.enumerated() {
        write("\(folder)/cache/index\(index)/level", "\(level)\n")
        write("\(folder)/cache/index\(index)/type", "\(type)\n")
        write("\(folder)/cache/index\(index)/size", "\(size)\n")
        write("\(folder)/cache/index\(index)/shared_cpu_list", "\(shared)\n")
      }
    }
    if !nodes.isEmpty { write("sys/devices/system/node/online", "\(CPUSet(nodes.map(\.id)))\n") }
    for node in nodes {
      let folder = "sys/devices/system/node/node\(node.id)"
      write("\(folder)/cpulist", "\(node.cpus.intersection(online))\n")
      write(
        "\(folder)/meminfo",
        "Node \(node.id) MemTotal:   \(node.megabytes * 1_024) kB\nNode \(node.id) MemFree: 1 kB\n")
      write(
        "\(folder)/distance", nodes.map { $0.id == node.id ? "10" : "21" }.joined(separator: " ") + "\n")
    }
    write("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\n")
    for (path, text) in files { write(path, text) }
    return texts
  }
}

extension Topology {
  func node(ofCPU cpu: Int) -> Node? { nodes.first { $0.cpus.contains(cpu) } }
}

/// The memory that this process can still take without swapping or being killed.
package struct AvailableMemory: Hashable, Sendable {
  package var bytes: Int
  /// What sets the limit: the machine, a control group with its name, or a limit of the process.
  package var source: String
  /// Whether memory counts that is only reserved, such as stacks of threads.
  package var countsAddresses: Bool

  package init(bytes: Int, source: String, countsAddresses: Bool = false) {
    self.bytes = bytes
    self.source = source
    self.countsAddresses = countsAddresses
  }

  /// The least of the machine's `MemAvailable`, what the process's control groups leave and what its own limits leave;
  /// `nil` if none is known.
  package static func read() -> AvailableMemory? {
    let files = SystemFiles(root: "/")
    let own: AvailableMemory? = ResourceLimits.availableMemory(files)
    guard let system = read(files) else { return own }
    return own.map { $0.bytes < system.bytes ? $0 : system } ?? system
  }

  static func read(_ files: SystemFiles) -> AvailableMemory? {
    var least: AvailableMemory? = files.memoryBytes("/proc/meminfo", key: "MemAvailable").map {
      AvailableMemory(bytes: $0, source: "MemAvailable in /proc/meminfo")
    }
    for group in ControlGroups(files).groups(controller: "memory") {
      for (limitFile, usageFile, cacheKey) in [
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
      ] {
        guard let limit = files.number("\(group.folder)/\(limitFile)"),
          let usage = files.number("\(group.folder)/\(usageFile)"), limit < 1 << 60
        else { continue }
        // Pages of files that were not used lately are freed before the limit is enforced.
        let cache = files.statistic("\(group.folder)/memory.stat", key: cacheKey) ?? 0
        let left = max(0, limit - max(0, usage - cache))
        if left < least?.bytes ?? Int.max {
          least = AvailableMemory(bytes: left, source: "\(limitFile) of control group \(group.name)")
        }
      }
    }
    return least
  }
}

extension SystemFiles {
  /// The number after `key` in a file of lines `key number`.
  fileprivate func statistic(_ path: String, key: String) -> Int? {
    for line in (text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == key { return Int(words[1]) }
    }
    return nil
  }
}

import Diagnostics

extension SystemFiles {
  /// The CPUs that the process was started on: the main thread's mask, whatever thread asks.
  func affinity() throws(UserError) -> CPUSet? {
    for line in (text("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("Cpus_allowed_list:") {
      return try CPUSet(
        list: String(line.dropFirst("Cpus_allowed_list:".count)), category: .systemRefused,
        subject: path("/proc/self/status"))
    }
    return areOfThisMachine ? try ThreadAffinity.current() : nil
  }
}

extension Topology.UsableCPUs {
  /// Online CPUs ∩ the process's affinity ∩ its cpuset, with the quota of its control groups.
  ///
  /// - Throws: `UserError` (71) if nothing is left or a file cannot be understood.
  static func read(_ files: SystemFiles, online: CPUSet, affinity: CPUSet) throws(UserError) -> Self {
    let groups = ControlGroups(files)
    var usable = Self(cpus: online, quota: nil, reasons: [count(online, "online")])
    let present = try files.list("/sys/devices/system/cpu/present") ?? online
    let offline = present.subtracting(online)
    if !offline.isEmpty { usable.reasons.append(count(offline, "present but offline")) }

    let allowed = affinity.intersection(online)
    if allowed != online {
      usable.cpus = allowed
      usable.reasons.append("the affinity of the process allows CPUs \(allowed)")
    }
    if let (cpuset, name) = try readCPUSet(files, groups), !online.isSubset(of: cpuset) {
      usable.cpus = usable.cpus.intersection(cpuset)
      usable.granted = usable.granted.intersection(cpuset)
      usable.reasons.append("the cpuset of control group \(name) allows CPUs \(cpuset)")
    }
    guard !usable.cpus.isEmpty else {
      throw UserError(.systemRefused, "affinity", "no CPU is usable: \(usable.reasons.joined(separator: "; ")).")
    }
    if let (hundredths, name) = readQuota(files, groups) {
      let whole = max(1, hundredths / 100)
      usable.quota = whole
      let fraction = hundredths % 100 < 10 ? "0\(hundredths % 100)" : "\(hundredths % 100)"
      usable.reasons.append(
        "the CPU quota of control group \(name) is worth \(hundredths / 100).\(fraction) CPUs, used as \(whole)")
    }
    return usable
  }

  /// The innermost group that names CPUs; outer ones allow no less.
  private static func readCPUSet(
    _ files: SystemFiles, _ groups: ControlGroups
  ) throws(UserError) -> (cpus: CPUSet, name: String)? {
    for group in groups.groups(controller: "cpuset") {
      for file in ["cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"] {
        if let cpus = try files.list("\(group.folder)/\(file)"), !cpus.isEmpty { return (cpus, group.name) }
      }
    }
    return nil
  }

  /// The tightest quota of the group and its parents, in hundredths of a CPU, rounded down.
  private static func readQuota(_ files: SystemFiles, _ groups: ControlGroups) -> (hundredths: Int, name: String)? {
    var tightest: (hundredths: Int, name: String)?
    for group in groups.groups(controller: "cpu") {
      let microseconds: (quota: Int, period: Int)?
      if let words = files.text("\(group.folder)/cpu.max")?.split(whereSeparator: \.isWhitespace), words.count == 2 {
        microseconds = Int(words[0]).flatMap { quota in Int(words[1]).map { (quota, $0) } }
      } else {
        microseconds = files.number("\(group.folder)/cpu.cfs_quota_us").flatMap { quota in
          files.number("\(group.folder)/cpu.cfs_period_us").map { (quota, $0) }
        }
      }
      guard let (quota, period) = microseconds, quota > 0, period > 0, quota < 1 << 50 else { continue }
      let hundredths = quota * 100 / period
      if hundredths < tightest?.hundredths ?? Int.max { tightest = (hundredths, group.name) }
    }
    return tightest
  }

  private static func count(_ cpus: CPUSet, _ state: String) -> String {
    cpus.count == 1 ? "CPU \(cpus) is \(state)" : "\(cpus.count) CPUs are \(state): \(cpus)"
  }
}

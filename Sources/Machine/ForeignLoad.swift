import Glibc

/// How much CPU time other programs, and other guests of a shared machine, take from some CPUs while this one measures.
package struct ForeignLoad: Sendable {
  private let files: SystemFiles
  private let cpus: CPUSet
  private let start: (busy: Double, own: Double, time: Double)?

  /// Starts watching `cpus` of this machine.
  package init(on cpus: CPUSet) { self.init(on: cpus, SystemFiles(root: "/")) }

  init(on cpus: CPUSet, _ files: SystemFiles) {
    self.files = files
    self.cpus = cpus
    start = Self.busySeconds(files, cpus).map { ($0, Self.ownSeconds(), Self.now()) }
  }

  /// CPUs that others kept busy since the start, as a mean; `nil` if the system does not say.
  package func busyCPUs() -> Double? {
    guard let start, let busy = Self.busySeconds(files, cpus) else { return nil }
    let elapsed = Self.now() - start.time
    let (all, own): (Double, Double) = (busy - start.busy, Self.ownSeconds() - start.own)
    // A container may show times that are not those of its CPUs: they cannot be less than this program's own.
    guard elapsed > 0, all >= 0.5 * own else { return nil }
    return max(0, all - own) / elapsed
  }

  /// Seconds that `cpus` were not idle, stolen time included; `nil` if `/proc/stat` does not say.
  static func busySeconds(_ files: SystemFiles, _ cpus: CPUSet) -> Double? {
    guard let text = files.text("/proc/stat") else { return nil }
    var ticks = 0.0
    var count = 0
    for line in text.split(separator: "\n") where line.hasPrefix("cpu") {
      let words = line.split(separator: " ")
      guard let cpu = Int(words[0].dropFirst(3)), cpus.contains(cpu), words.count > 7 else { continue }
      // user nice system idle iowait irq softirq steal …; guest time is in user already.
      let times = words[1...].map { Double($0) ?? 0 }
      ticks += times[0] + times[1] + times[2] + times[5] + times[6] + (times.count > 7 ? times[7] : 0)
      count += 1
    }
    return count == cpus.count ? ticks / Double(max(1, sysconf(Int32(_SC_CLK_TCK)))) : nil
  }

  private static func ownSeconds() -> Double {
    var usage: rusage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func now() -> Double {
    var time: timespec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

import CNUMA
import Glibc

/// Where the thread that created it has run since, according to the kernel.
///
/// Only that thread may use it. `look` is cheap enough for every step and does not allocate.
package struct ThreadTrace: ~Copyable {
  /// Bit `c % 64` of word `c / 64`: the thread was seen on CPU `c`.
  private var seen: [UInt64]
  private var lastCPU = -1
  private var changes = 0
  private let migrationsBefore: Int?

  package init() {
    seen = [UInt64](repeating: 0, count: max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))) / 64 + 1)
    migrationsBefore = Self.migrationsOfThread()
    look()
  }

  /// Notes the CPU that the thread is on.
  package mutating func look() {
    let cpu = Int(sched_getcpu())
    guard cpu != lastCPU, (0...CPUSet.maximumCPU).contains(cpu) else { return }
    if lastCPU >= 0 { changes += 1 }
    lastCPU = cpu
    while seen.count <= cpu / 64 { seen.append(0) }
    seen[cpu / 64] |= 1 << UInt64(cpu % 64)
  }

  /// The CPUs that the thread was seen on.
  package var cpus: CPUSet { CPUSet(words: seen) }

  /// How often the kernel has moved the thread to another CPU; if it does not say, how often `look` saw another.
  package func migrations() -> Int {
    guard let before = migrationsBefore, let now = Self.migrationsOfThread() else { return changes }
    return now - before
  }

  /// `se.nr_migrations` of `/proc/thread-self/sched`; `nil` if the kernel was built without that file.
  private static func migrationsOfThread() -> Int? {
    guard let text = SystemFiles(root: "/").text("/proc/thread-self/sched") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("se.nr_migrations") {
      return line.split(separator: ":").last.flatMap { Int($0.trimmed) }
    }
    return nil
  }
}

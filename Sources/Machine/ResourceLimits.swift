import CNUMA
import Diagnostics
import Glibc

/// The limits that this process was started with (`ulimit`), as far as they are finite.
package enum ResourceLimits {
  /// Bytes of address space (`ulimit -v`).
  static func addressSpace() -> Int? { soft(__rlimit_resource_t(RLIMIT_AS.rawValue)) }
  /// Bytes of memory that may be written (`ulimit -d`).
  static func data() -> Int? { soft(__rlimit_resource_t(RLIMIT_DATA.rawValue)) }
  /// Processes and threads of this user (`ulimit -u`).
  static func processes() -> Int? { soft(__rlimit_resource_t(__RLIMIT_NPROC.rawValue)) }
  /// Bytes of a thread's stack (`ulimit -s`), 8 MiB if there is no limit.
  static func stackBytes() -> Int { soft(__rlimit_resource_t(RLIMIT_STACK.rawValue)) ?? 8 << 20 }

  private static let leastStackBytes = 256 << 10
  private static let leastMemoryBytes = 4 << 20

  /// Refuses limits under which the Swift runtime itself would fail before a run's memory is planned.
  ///
  /// - Throws: `UserError` (71).
  package static func requireRoom() throws(UserError) {
    guard stackBytes() >= leastStackBytes else {
      throw UserError(
        .systemRefused, "stack",
        "the limit is \(stackBytes()) bytes (ulimit -s \(stackBytes() >> 10)); allowed: at least \(leastStackBytes)",
        hint: "ulimit -s 8192 is what most systems have")
    }
    guard let memory = availableMemory(SystemFiles(root: "/")), memory.bytes < leastMemoryBytes else {
      return
    }
    throw UserError(
      .systemRefused, "memory",
      "\(memory.bytes >> 10) KiB are available (\(memory.source)); allowed: at least \(leastMemoryBytes >> 10)")
  }

  private static func soft(_ resource: __rlimit_resource_t) -> Int? {
    var limit: rlimit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < 1 << 60 else { return nil }
    return Int(limit.rlim_cur)
  }
}

extension ResourceLimits {
  /// What this process may still map under its limits, and which limit decides; `nil` if none is finite.
  static func availableMemory(_ files: SystemFiles) -> AvailableMemory? {
    var least: AvailableMemory?
    for (limit, key, name) in [
      (addressSpace(), "VmSize", "RLIMIT_AS, ulimit -v"), (data(), "VmData", "RLIMIT_DATA, ulimit -d"),
    ] {
      guard let limit else { continue }
      let left = max(0, limit - (files.memoryBytes("/proc/self/status", key: key) ?? 0))
      if left < least?.bytes ?? Int.max {
        least = AvailableMemory(bytes: left, source: "\(name)", countsAddresses: true)
      }
    }
    return least
  }

  /// What threads reserve: a stack each, and room for what they allocate.
  package static func addressBytes(threads: Int) -> Int { threads * (stackBytes() + NodeBuffer.pageBytes) + 8 << 20 }

  /// Makes the C library use address space sparingly if it is limited: one arena for all threads instead of 64 MiB for
  /// each, and large blocks returned as soon as they are freed. Call it at the program's start.
  package static func economizeAddresses() {
    guard addressSpace() != nil || data() != nil else { return }
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_MMAP_THRESHOLD, 128 << 10)
  }
}

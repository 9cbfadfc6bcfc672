import Diagnostics
import Machine

/// Memory that is not used but kept from others, for what is allocated later where a failure would end the process.
///
/// Its pages are never touched, so that it costs address space alone.
final class MemoryReserve {
  private let byteCount: Int
  private var memory: NodeBuffer?

  /// - Throws: `UserError(.systemRefused)` where the system has not that much, naming `purpose`.
  init(byteCount: Int, purpose: String) throws(UserError) {
    self.byteCount = byteCount
    memory = try NodeBuffer(byteCount: byteCount, hugePages: false, purpose: purpose)
  }

  /// Gives the memory to who allocates next.
  func release() { memory = nil }

  /// Keeps it again, after what was allocated is freed; where the system refuses, the next use must do without.
  func keep() {
    if memory == nil { memory = try? NodeBuffer(byteCount: byteCount, hugePages: false) }
  }
}

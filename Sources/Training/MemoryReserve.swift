import Diagnostics
import Machine

/// Memory that is reserved but not used, for later allocations whose failure would end the process.
///
/// Its pages are never touched, so that it costs only address space.
final class MemoryReserve {
  private let byteCount: Int
  private var memory: NodeBuffer?

  /// - Throws: `UserError(.systemRefused)` if the system does not have that much, naming `purpose`.
  init(byteCount: Int, purpose: String) throws(UserError) {
    self.byteCount = byteCount
    memory = try NodeBuffer(byteCount: byteCount, hugePages: false, purpose: purpose)
  }

  /// Releases the memory for the next allocations.
  func release() { memory = nil }

  /// Reserves it again, after what was allocated is freed; if the system refuses, the next use must do without.
  func keep() {
    if memory == nil { memory = try? NodeBuffer(byteCount: byteCount, hugePages: false) }
  }
}

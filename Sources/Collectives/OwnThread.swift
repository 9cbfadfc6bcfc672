import Dispatch

/// A thread for work that blocks, for callers that must not: Swift's own tasks share as few threads as there are cores.
package enum OwnThread {
  /// Runs `body` on a serial queue of its own, which starts at once, and suspends the caller until it has ended.
  ///
  /// - Throws: what `body` throws.
  package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "lockstep.own-thread").async { continuation.resume(with: Result { try body() }) }
    }
  }
}

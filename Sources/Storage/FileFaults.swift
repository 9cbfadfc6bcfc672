import Glibc

/// The system calls that write a file.
package enum FileCall: Hashable, Sendable, CaseIterable {
  case create, write, synchronize, readBack, close, rename, openFolder, synchronizeFolder
}

#if DEBUG || LOCKSTEP_FAULTS
  /// For tests: makes system calls fail as a full disk, a broken device or a vanished folder would.
  ///
  /// Not part of the program: only builds for tests define `LOCKSTEP_FAULTS`.
  package final class FileFaults: Sendable {
    /// In force only for the task that binds it; `nil` outside of tests.
    @TaskLocal private static var current: FileFaults?

    private let failure: @Sendable (FileCall) -> Int32?

    /// - Parameter failure: asked before every call; the error number to fail with, `nil` to let it pass.
    package init(_ failure: @escaping @Sendable (FileCall) -> Int32?) { self.failure = failure }

    /// Runs `body` with these faults.
    package func run<Result>(_ body: () throws -> Result) rethrows -> Result {
      try Self.$current.withValue(self, operation: body)
    }

    /// Whether a test wants this call to fail; `errno` is set then.
    static func fails(_ call: FileCall) -> Bool {
      guard let current, let number = current.failure(call) else { return false }
      errno = number
      return true
    }
  }
#else
  enum FileFaults {
    @inline(__always)
    static func fails(_ call: FileCall) -> Bool { false }
  }
#endif

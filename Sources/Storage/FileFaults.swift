import Glibc

/// The calls to the system by which a file is written.
package enum FileCall: Hashable, Sendable, CaseIterable {
  case create, write, synchronize, readBack, close, rename, openFolder, synchronizeFolder
}

/// For tests: makes calls to the system fail as a full disk, a broken device or a vanished folder would.
package enum FileFaults {
  /// The error number that a call is to fail with, `nil` to let it pass; asked before every call, by the binding task alone.
  @TaskLocal package static var failure: (@Sendable (FileCall) -> Int32?)?

  /// Whether a test wants this call to fail; `errno` is set then.
  static func fails(_ call: FileCall) -> Bool {
    guard let failure, let number: Int32 = failure(call) else { return false }
    errno = number
    return true
  }
}

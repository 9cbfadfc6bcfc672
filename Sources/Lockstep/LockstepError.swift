internal import Diagnostics

/// What every function of the library throws: what was found, what is allowed, and what to do about it.
///
/// Only what a user or the machine caused is an error; a broken invariant of the library traps.
public struct LockstepError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, as the command line's exit codes have it.
  public enum Category: Sendable, Hashable, CaseIterable {
    /// Arguments that do not go together, or a file that is there already (64).
    case usage
    /// Data or weights that are damaged or do not fit (65).
    case badData
    /// A file that is missing or cannot be read (66).
    case inputMissing
    /// A fault of the library (70).
    case internalFailure
    /// The system refused memory, threads or a processor's feature (71).
    case systemRefused
    /// A file could not be written (74).
    case cannotWrite
    /// It was asked to stop before there was anything to keep (75).
    case interrupted
    /// The loss or a weight is no longer finite (76).
    case diverged
    /// A setting is wrong (78).
    case badConfiguration
  }

  /// What kind of failure it is.
  public let category: Category
  /// The key path (`training.batch_size`) or file that it is about.
  public let subject: String
  /// One sentence with the value found and what is allowed.
  public let message: String
  /// What to do about it; `nil` if that is not known.
  public let hint: String?
  /// The single mistakes, if there are several; else empty.
  public let parts: [LockstepError]
  /// `subject: message`, the hint and the parts on lines of their own: what the command line prints.
  public let description: String

  init(_ error: any Error) {
    guard let error = error as? UserError else {
      self.init(UserError(.internalFailure, "lockstep", "\(error)"))
      return
    }
    self.init(error)
  }

  init(_ error: UserError) {
    category = Category(error.category)
    (subject, message, hint) = (error.subject, error.message, error.hint)
    parts = error.parts.map { LockstepError($0) }
    description = error.description
  }
}

extension LockstepError.Category {
  fileprivate init(_ category: UserError.Category) {
    self =
      switch category {
      case .usage: .usage
      case .badData: .badData
      case .inputMissing: .inputMissing
      case .internalFailure: .internalFailure
      case .systemRefused: .systemRefused
      case .cannotWrite: .cannotWrite
      case .interrupted: .interrupted
      case .diverged: .diverged
      case .badConfiguration: .badConfiguration
      }
  }
}

/// What `body` returns; whatever it throws becomes the library's error.
func translating<Value>(_ body: () throws -> Value) throws(LockstepError) -> Value {
  do { return try body() } catch { throw LockstepError(error) }
}

import Diagnostics

/// The documented exit codes.
package enum ExitCode {
  package static let success: Int32 = 0
  /// A signal ended the run before its last step.
  package static let interrupted: Int32 = 75

  /// Every code with its meaning, ascending.
  package static let meanings: [(code: Int32, meaning: String)] = [
    (success, "done"),
    (UserError.Category.usage.rawValue, "the command line is wrong"),
    (UserError.Category.badData.rawValue, "a data or weights file is wrong"),
    (UserError.Category.inputMissing.rawValue, "a file is missing or cannot be read"),
    (UserError.Category.internalFailure.rawValue, "a fault of the program, or a failed gradcheck"),
    (UserError.Category.systemRefused.rawValue, "the system refused: CPU, memory, placement"),
    (UserError.Category.cannotWrite.rawValue, "a file could not be written"),
    (interrupted, "stopped by a signal, checkpoint written: run again to continue"),
    (UserError.Category.diverged.rawValue, "training diverged: the loss or a weight is no longer finite"),
    (UserError.Category.badConfiguration.rawValue, "the configuration is wrong"),
  ]

  /// The code of a failure; what is not a `UserError` is a fault of this program.
  package static func of(_ error: any Error) -> Int32 {
    ((error as? UserError)?.category ?? .internalFailure).rawValue
  }
}

/// A failure that the user or the machine caused: it says what was found, what is allowed, and what to do.
///
/// Broken invariants of the program are not `UserError`s; they trap.
package struct UserError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong, in the terms of the documented exit codes.
  package enum Category: Int32, Sendable {
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case internalFailure = 70
    case systemRefused = 71
    case cannotWrite = 74
    case diverged = 76
    case badConfiguration = 78
  }

  package let category: Category
  /// The key path (`training.batch_size`), file or flag the error is about.
  package let subject: String
  /// One sentence with the value found and what is allowed.
  package let message: String
  /// What to do about it, where that is known.
  package let hint: String?

  package init(_ category: Category, _ subject: String, _ message: String, hint: String? = nil) {
    self.category = category
    self.subject = subject
    self.message = message
    self.hint = hint
  }

  /// `subject: message` on one line, and the hint on a line of its own, each shortened where it is very long.
  package var description: String {
    "\(subject): \(message)".onOneLine.shortened + (hint.map { "\n  hint: \($0.onOneLine.shortened)" } ?? "")
  }
}

extension String {
  /// The text with `?` for what would break a line or steer a terminal: names and values come from files of others.
  package var onOneLine: String {
    var line: String = ""
    for scalar: Unicode.Scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: line.unicodeScalars.append("?")
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  /// The text's start and end, where it is longer than anybody reads.
  fileprivate var shortened: String {
    let (limit, scalars): (Int, String.UnicodeScalarView) = (2000, unicodeScalars)
    guard scalars.count > 2 * limit else { return self }
    let left: Int = scalars.count - 2 * limit
    return "\(String(scalars.prefix(limit))) … \(left) characters … \(String(scalars.suffix(limit)))"
  }
}

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
    case interrupted = 75
    case diverged = 76
    case badConfiguration = 78
  }

  package let category: Category
  /// The key path (`training.batch_size`), file or flag the error is about.
  package let subject: String
  /// One sentence with the value found and what is allowed.
  package let message: String
  /// What to do about it, if that is known.
  package let hint: String?
  /// If there are several errors of one category: the first of them.
  package let parts: [UserError]
  /// Parts that are printed, and how many are not.
  private let printed: Int
  private let hidden: Int

  package init(_ category: Category, _ subject: String, _ message: String, hint: String? = nil) {
    self.category = category
    self.subject = subject
    self.message = message
    self.hint = hint
    parts = []
    (printed, hidden) = (0, 0)
  }

  /// Several errors in one, about the file they are in; prints the first twenty of `count`.
  package init(_ category: Category, _ file: String, parts: [UserError], of count: Int) {
    self.category = category
    subject = file
    message = "\(count) mistakes"
    (printed, hidden) = (Self.mostPrinted, max(0, count - Self.mostPrinted))
    hint = nil
    self.parts = parts
  }

  /// What several errors come to; prints all of them.
  package init(_ category: Category, _ subject: String, _ message: String, parts: [UserError], hint: String? = nil) {
    self.category = category
    self.subject = subject
    self.message = message
    self.hint = hint
    self.parts = parts
    (printed, hidden) = (parts.count, 0)
  }

  /// The same error with more words at the end of its message.
  package func adding(_ words: String) -> UserError {
    UserError(category, subject, "\(message) \(words)", hint: hint)
  }

  private static let mostPrinted = 20

  /// `subject: message` on one line and the hint on another, each shortened if it is very long; then the same for each of
  /// its parts, further to the right.
  package var description: String { lines.joined(separator: "\n") }

  private var lines: [String] {
    var lines = ["\(subject): \(message)".onOneLine.shortened]
    if let hint { lines.append("  hint: \(hint.onOneLine.shortened)") }
    lines += parts.prefix(printed).flatMap { $0.lines.map { "  " + $0 } }
    if hidden > 0 { lines.append("  and \(hidden) more") }
    return lines
  }
}

extension String {
  /// The text with `?` for what would break a line or control a terminal: names and values come from files of others.
  package var onOneLine: String {
    var line = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: line.unicodeScalars.append("?")
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  /// The text's start and end, if it is too long to be read.
  fileprivate var shortened: String {
    let (limit, scalars): (Int, String.UnicodeScalarView) = (2000, unicodeScalars)
    guard scalars.count > 2 * limit else { return self }
    let left = scalars.count - 2 * limit
    return "\(String(scalars.prefix(limit))) … \(left) characters … \(String(scalars.suffix(limit)))"
  }
}

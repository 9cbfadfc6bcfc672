import Diagnostics
import Storage

/// What classes are called, as an entry of a weights file's metadata: a JSON array of texts.
enum ClassNames {
  static let key = "class_names"

  static func text(_ names: [String]) -> String { JSONValue.array(names.map { .string($0) }).compactText }

  /// The names in `metadata`; `nil` if there is no entry.
  ///
  /// - Throws: `UserError(.badData)` about `file` if the entry is something else.
  static func read(_ metadata: [String: String], file: String) throws(UserError) -> [String]? {
    guard let text = metadata[key] else { return nil }
    var names: [String] = []
    if case .array(let elements)? = try? JSONReader.value(of: text, dialect: .strict, subject: file) {
      names = elements.compactMap { if case .string(let name) = $0 { name } else { nil } }
      if names.count == elements.count { return names }
    }
    throw UserError(
      .badData, file,
      "the metadata entry \(key) is \(Checkpoint.shownEntry(metadata, key)); allowed: an array of texts")
  }
}

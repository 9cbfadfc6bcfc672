import Diagnostics
import Storage

extension KeyKind {
  /// The error about `value` at `path`, for an element of an array at the element's path; `nil` if it is allowed.
  package func mistake(in value: JSONValue, at path: String) -> UserError? {
    switch (self, value) {
    case (.bool, .bool): return nil
    case (.integer(let range), _):
      if let integer = value.exactInteger, range.contains(integer) { return nil }
    case (.number(let rule), _): return rule.mistake(in: value, at: path)
    case (.choice(let words), .string(let word)):
      if words.contains(word) { return nil }
    case (.text(let rule), .string(let text)):
      if rule.isAllowed(text) { return nil }
    case (.array(let kind, let rule), .array(let elements)):
      guard rule.counts.contains(elements.count) else { break }
      // Objects are read one by one, each with its own mistakes.
      if case .section = kind { return nil }
      for (index, element) in elements.enumerated() {
        if let mistake = kind.mistake(in: element, at: "\(path)[\(index)]") { return mistake }
      }
      if !rule.areDistinct || Set(elements.map(\.plain)).count == elements.count { return nil }
    case (.either(let kinds, _), _):
      if kinds.contains(where: { $0.mistake(in: value, at: path) == nil }) { return nil }
    case (.section, .object): return nil
    default: break
    }
    return Self.failure(path, value, allowed: allowed, hint: nearestWord(to: value))
  }

  /// A hint for a word that is not among those of a choice.
  private func nearestWord(to value: JSONValue) -> String? {
    switch (self, value) {
    case (.choice(let words), .string(let word)):
      NearestName.suggestion(for: word, among: words).map { "the nearest is \"\($0)\"" }
    case (.either(let kinds, _), _): kinds.lazy.compactMap { $0.nearestWord(to: value) }.first
    default: nil
    }
  }

  /// The error for a value that is not allowed.
  package static func failure(_ path: String, _ value: JSONValue, allowed: String, hint: String? = nil) -> UserError {
    UserError(.badConfiguration, path, "found \(value.excerpt()); allowed: \(allowed)", hint: hint)
  }
}

extension NumberRule {
  fileprivate func mistake(in value: JSONValue, at path: String) -> UserError? {
    guard let number = value.floatingPoint, contains(number) else {
      return KeyKind.failure(path, value, allowed: allowed)
    }
    guard number.magnitude > Double(Float.greatestFiniteMagnitude) else { return nil }
    return UserError(
      .badConfiguration, path,
      "found \(value.excerpt()), out of range for Float, the type of weights and pixels; allowed: \(allowed), "
        + "up to \(Float.greatestFiniteMagnitude)")
  }
}

extension JSONValue {
  /// One value for a whole number, however it was written.
  fileprivate var plain: JSONValue { exactInteger.map { .integer($0) } ?? self }
}

/// A JSON document as a tree; objects keep the order of their members.
package enum JSONValue: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package var key: String
    package var value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// The number, or `null` if there is none.
  package static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

  /// What kind of value it is, with its article, for messages.
  package var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The value if it is a whole number that fits an Int, however it was written.
  package var exactInteger: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The value if it is a finite number.
  package var floatingPoint: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value) where value.isFinite: value
    default: nil
    }
  }

  /// The first member of an object with this key; `nil` if there is none, or this is not an object.
  package subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
}

extension JSONValue {
  /// The document on one line, without spaces, in the order of the tree.
  ///
  /// Numbers are the shortest text that reads back as the same value; non-finite numbers become `null`.
  package var compactText: String {
    var writer = JSONWriter()
    writer.value(self)
    return writer.text
  }

  /// The document in lines of at most about 140 columns; what fits on one line stays on one.
  package func prettyText(indentation: Int = 0) -> String {
    let oneLine = spacedText
    guard oneLine.count + indentation > 140 || (indentation == 0 && isContainer) else { return oneLine }
    let inner = String(repeating: " ", count: indentation + 2)
    let outer = String(repeating: " ", count: indentation)
    switch self {
    case .array(let elements) where !elements.isEmpty:
      let lines = elements.map { inner + $0.prettyText(indentation: indentation + 2) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where !members.isEmpty:
      let lines = members.map {
        inner + JSONWriter.quoted($0.key) + ": " + $0.value.prettyText(indentation: indentation + 2)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default:
      return oneLine
    }
  }

  /// The start of the value's text, for messages: at most `limit` characters.
  package func excerpt(limit: Int = 60) -> String {
    let text = spacedText
    return text.count <= limit ? text : text.prefix(limit - 1) + "…"
  }

  private var spacedText: String {
    var writer = JSONWriter(isSpaced: true)
    writer.value(self)
    return writer.text
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }
}

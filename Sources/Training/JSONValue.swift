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
}

extension JSONValue {
  /// The document on one line, without spaces, in the order of the tree.
  ///
  /// Numbers are the shortest text that reads back as the same value; non-finite numbers become `null`.
  package var compactText: String {
    var text: String = ""
    write(to: &text, spaced: false)
    return text
  }

  /// The document in lines of at most about 140 columns; what fits on one line stays on one.
  package func prettyText(indentation: Int = 0) -> String {
    var oneLine: String = ""
    write(to: &oneLine, spaced: true)
    guard oneLine.count + indentation > 140 || (indentation == 0 && isContainer) else { return oneLine }
    let inner: String = String(repeating: " ", count: indentation + 2)
    let outer: String = String(repeating: " ", count: indentation)
    switch self {
    case .array(let elements) where !elements.isEmpty:
      let lines: [String] = elements.map { inner + $0.prettyText(indentation: indentation + 2) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where !members.isEmpty:
      let lines: [String] = members.map {
        inner + Self.quoted($0.key) + ": " + $0.value.prettyText(indentation: indentation + 2)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default:
      return oneLine
    }
  }

  /// The start of the value's text, for messages: at most `limit` characters.
  package func excerpt(limit: Int = 60) -> String {
    var text: String = ""
    write(to: &text, spaced: true)
    return text.count <= limit ? text : text.prefix(limit - 1) + "…"
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  private func write(to text: inout String, spaced: Bool) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += Self.shortest(value)
    case .string(let value): text += Self.quoted(value)
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += spaced ? ", " : "," }
        element.write(to: &text, spaced: spaced)
      }
      text += "]"
    case .object(let members):
      text += spaced && !members.isEmpty ? "{ " : "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += spaced ? ", " : "," }
        text += Self.quoted(member.key) + (spaced ? ": " : ":")
        member.value.write(to: &text, spaced: spaced)
      }
      text += spaced && !members.isEmpty ? " }" : "}"
    }
  }

  private static func shortest(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    let text: String = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func quoted(_ value: String) -> String {
    var text: String = "\""
    for scalar: Unicode.Scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits: String = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

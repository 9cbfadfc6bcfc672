/// Writes JSON on one line, value by value; `JSONValue` prints itself through it.
///
/// ```
/// writer.object { $0.member("index") { $0.integer(0) } }      {"index":0}
/// ```
/// Numbers are the shortest text that reads back as the same value, without `.0`; what is not finite becomes `null`.
package struct JSONWriter {
  package private(set) var text: String = ""
  /// Whether a space follows every comma and colon and stands inside braces.
  private let isSpaced: Bool
  /// Whether the next value of the open object or array follows another.
  private var needsComma = false

  package init(isSpaced: Bool = false) { self.isSpaced = isSpaced }

  /// `text` as a JSON string: quotes, backslashes and control characters escaped, all else as it is.
  package static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.append(quoted: text)
    return writer.text
  }

  package mutating func null() { element("null") }
  package mutating func bool(_ value: Bool) { element(value ? "true" : "false") }
  package mutating func integer(_ value: Int) { element(String(value)) }
  package mutating func number(_ value: Double) { element(value.isFinite ? Self.trimmed(value.description) : "null") }
  /// The shortest text that reads back as the same Float.
  package mutating func number(_ value: Float) { element(value.isFinite ? Self.trimmed(value.description) : "null") }

  package mutating func string(_ value: String) {
    separate()
    append(quoted: value)
    needsComma = true
  }

  /// An array of what `body` writes.
  package mutating func array(_ body: (inout JSONWriter) -> Void) {
    enclose("[", "]", body)
  }

  package mutating func integers(_ values: [Int]) {
    array { (writer) in for value in values { writer.integer(value) } }
  }

  /// An object of the members that `body` writes.
  package mutating func object(_ body: (inout JSONWriter) -> Void) {
    enclose(isSpaced ? "{ " : "{", isSpaced ? " }" : "}", body)
  }

  /// A member of the open object; `body` writes its one value.
  package mutating func member(_ key: String, _ body: (inout JSONWriter) -> Void) {
    separate()
    append(quoted: key)
    text += isSpaced ? ": " : ":"
    needsComma = false
    body(&self)
    needsComma = true
  }

  package mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let value): bool(value)
    case .integer(let value): integer(value)
    case .number(let value): number(value)
    case .string(let value): string(value)
    case .array(let elements):
      array { (writer) in for element in elements { writer.value(element) } }
    case .object(let members) where members.isEmpty: element("{}")
    case .object(let members):
      object { (writer) in
        for member in members { writer.member(member.key) { $0.value(member.value) } }
      }
    }
  }

  private mutating func element(_ token: String) {
    separate()
    text += token
    needsComma = true
  }

  private mutating func enclose(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
    separate()
    text += open
    needsComma = false
    body(&self)
    text += close
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { text += isSpaced ? ", " : "," }
  }

  private static func trimmed(_ number: String) -> String {
    number.hasSuffix(".0") ? String(number.dropLast(2)) : number
  }

  private mutating func append(quoted value: String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

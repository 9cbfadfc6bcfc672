import Diagnostics

/// Reads JSON5 text into a `JSONValue`: comments, trailing commas, bare keys, single quotes, hexadecimal numbers.
///
/// A key that appears twice, a number beyond a Double, nesting deeper than 64 and texts above 1 MiB are errors; so are
/// JSON5's `NaN` and `Infinity`, which no configuration value allows. Takes time and memory in proportion to the text.
/// Source: https://spec.json5.org.
package struct JSON5Parser {
  static let deepestNesting: Int = 64
  /// 1 MiB, far above any configuration.
  static let largestBytes: Int = 1 << 20

  var bytes: [UInt8]
  var position: Int = 0
  private let subject: String
  private var depth: Int = 0

  /// The one value in `text`.
  /// - Throws: `UserError(.badConfiguration)` about `subject` with line and column, counted from 1.
  package static func parse(_ text: String, subject: String) throws(UserError) -> JSONValue {
    guard text.utf8.count <= largestBytes else { throw tooLarge(text.utf8.count, subject) }
    var parser: JSON5Parser = JSON5Parser(bytes: Array(text.utf8), subject: subject)
    try parser.skipSpace()
    let value: JSONValue = try parser.value()
    try parser.skipSpace()
    guard parser.position == parser.bytes.count else { throw parser.unexpected("the end of the text") }
    return value
  }

  private init(bytes: [UInt8], subject: String) {
    self.bytes = bytes
    self.subject = subject
  }

  /// The error about a text of `count` bytes.
  static func tooLarge(_ count: Int, _ subject: String) -> UserError {
    UserError(
      .badConfiguration, subject, "found \(count) bytes; allowed: a JSON5 text of at most \(largestBytes) bytes")
  }

  // MARK: Values

  private mutating func value() throws(UserError) -> JSONValue {
    switch peek {
    case UInt8(ascii: "{"): return try nested { (parser) throws(UserError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(UserError) in try parser.array() }
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
    case .some(0x2B), .some(0x2D), .some(0x2E), .some(0x30...0x39):  // + - . 0…9
      return try number()
    default: return try word()
    }
  }

  private mutating func nested(
    _ body: (inout JSON5Parser) throws(UserError) -> JSONValue
  ) throws(UserError) -> JSONValue {
    depth += 1
    guard depth <= Self.deepestNesting else {
      throw failure("nested more than \(Self.deepestNesting) deep; allowed: at most \(Self.deepestNesting)")
    }
    position += 1
    try skipSpace()
    let result: JSONValue = try body(&self)
    depth -= 1
    return result
  }

  private mutating func object() throws(UserError) -> JSONValue {
    var members: [JSONValue.Member] = []
    var keys: Set<String> = []
    while !take("}") {
      let start: Int = position
      let key: String = peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") ? try string() : identifier()
      guard position > start else { throw unexpected("a key or }") }
      guard keys.insert(key).inserted else {
        position = start
        throw failure("the key \"\(key.prefix(40))\" appears twice in one object; allowed: once")
      }
      try skipSpace()
      guard take(":") else { throw unexpected(": after the key \"\(key.prefix(40))\"") }
      try skipSpace()
      members.append(JSONValue.Member(key, try value()))
      try skipSpace()
      guard take(",") || peek == UInt8(ascii: "}") else { throw unexpected(", or }") }
      try skipSpace()
    }
    return .object(members)
  }

  private mutating func array() throws(UserError) -> JSONValue {
    var elements: [JSONValue] = []
    while !take("]") {
      elements.append(try value())
      try skipSpace()
      guard take(",") || peek == UInt8(ascii: "]") else { throw unexpected(", or ]") }
      try skipSpace()
    }
    return .array(elements)
  }

  private mutating func word() throws(UserError) -> JSONValue {
    let start: Int = position
    switch identifier() {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case "NaN", "Infinity":
      position = start
      throw failure("found a number that is not finite; allowed: finite numbers")
    default:
      position = start
      throw unexpected("a value")
    }
  }

  private mutating func number() throws(UserError) -> JSONValue {
    let start: Int = position
    while let byte: UInt8 = peek, Self.isNumberByte(byte) { position += 1 }
    var text: String = String(decoding: bytes[start..<position], as: UTF8.self)
    if text.hasPrefix("+") { text.removeFirst() }
    let magnitude: Substring = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let sign: String = text.hasPrefix("-") ? "-" : ""
    if magnitude.lowercased().hasPrefix("0x") {
      if let value: Int = Int(sign + magnitude.dropFirst(2), radix: 16), magnitude.count > 2 { return .integer(value) }
    } else if Self.isDecimal(magnitude) {
      // An integer has no negative zero.
      if let value: Int = Int(text), value != 0 || sign.isEmpty { return .integer(value) }
      if let value: Double = Double(text), value.isFinite { return .number(value) }
    }
    position = start
    throw failure("found \(text.prefix(40)); allowed: a finite number")
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// JSON5's decimal literal without its sign: digits with at most one point and exponent, no needless leading zero.
  private static func isDecimal(_ text: Substring) -> Bool {
    let parts: [Substring] = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    let mantissa: [Substring] = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    guard mantissa.count <= 2, mantissa.contains(where: { !$0.isEmpty }) else { return false }
    guard mantissa.joined().utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
    guard mantissa[0].count <= 1 || !mantissa[0].hasPrefix("0") else { return false }
    guard parts.count == 2 else { return true }
    let exponent: Substring = parts[1].hasPrefix("+") || parts[1].hasPrefix("-") ? parts[1].dropFirst() : parts[1]
    return !exponent.isEmpty && exponent.utf8.allSatisfy { (48...57).contains($0) }
  }

  // MARK: Text

  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  func failure(_ message: String) -> UserError {
    let before: ArraySlice<UInt8> = bytes[..<min(position, bytes.count)]
    let line: Int = before.count { $0 == UInt8(ascii: "\n") } + 1
    let lineStart: Int = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let column: Int = String(decoding: before[lineStart...], as: UTF8.self).count + 1
    return UserError(.badConfiguration, subject, "line \(line), column \(column): \(message)")
  }

  func unexpected(_ wanted: String) -> UserError {
    guard position < bytes.count else { return failure("found the end of the text; allowed: \(wanted)") }
    let rest: String = String(decoding: bytes[position..<min(position + 24, bytes.count)], as: UTF8.self)
    let shown: Substring = rest.prefix { !$0.isNewline }.prefix(16)
    return failure("found \(shown); allowed: \(wanted)")
  }
}

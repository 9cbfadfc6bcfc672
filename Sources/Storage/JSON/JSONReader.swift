import Diagnostics

/// Reads JSON, strictly as RFC 8259 states it or as JSON5: a whole text as a tree, or bytes value by value.
///
/// JSON5 adds comments, trailing commas, bare keys, single quotes and hexadecimal numbers. A key that appears twice in an
/// object of a tree, a number beyond a Double, nesting deeper than 64, `NaN` and `Infinity` are errors in both. Takes time
/// and memory in proportion to the text. Source: https://spec.json5.org.
///
/// Value by value, the reader stands before a value and each call moves it past what was read. The caller must then
/// refuse keys that appear twice:
///
/// ```
/// while let key = try reader.nextKey(isFirst: …) { try reader.string("a name in quotes") }
/// ```
package struct JSONReader {
  package enum Dialect: Sendable { case strict, json5 }
  /// What errors are about, and how they say where.
  package enum Subject: Sendable {
    /// A text: `.badConfiguration` with line and column, both counted from 1.
    case text(String)
    /// Part of a binary file that starts at `offset`: `.badData` with the offset in the file.
    case bytes(file: String, offset: Int)
  }
  /// A key and where it stands.
  package struct Key: Sendable {
    package let text: String
    package let bytes: Range<Int>
  }
  /// A member of an outline, with the bytes of the text that its key and its value take.
  package struct Member: Sendable {
    package let key: Key
    package let value: JSONValue
    package let valueBytes: Range<Int>
  }

  package static let deepestNesting: Int = 64
  /// Of a text, 1 MiB: far more than any configuration.
  package static let largestBytes: Int = 1 << 20

  let bytes: [UInt8]
  let dialect: Dialect
  private let subject: Subject
  /// Of the next byte, counted from the first of `bytes`.
  package internal(set) var position: Int = 0
  private var depth = 0

  package init(_ bytes: [UInt8], dialect: Dialect, subject: Subject) {
    self.bytes = bytes
    self.dialect = dialect
    self.subject = subject
  }

  /// The one value in `text`.
  /// - Throws: `UserError(.badConfiguration)` about `subject`.
  package static func value(
    of text: String, dialect: Dialect = .json5, subject: String
  ) throws(UserError) -> JSONValue {
    var reader = try JSONReader(text, dialect, subject)
    try reader.skipSpace()
    let value = try reader.value()
    guard try reader.isAtEnd() else { throw reader.unexpected("the end of the text") }
    return value
  }

  /// The members of the one object in `text` and the place of its opening brace.
  /// - Throws: as `value`, and if the text is not an object.
  package static func outline(
    of text: String, dialect: Dialect = .json5, subject: String
  ) throws(UserError) -> (brace: Int, members: [Member]) {
    var reader = try JSONReader(text, dialect, subject)
    try reader.skipSpace()
    let brace = reader.position
    let members = try reader.members()
    guard try reader.isAtEnd() else { throw reader.unexpected("the end of the text") }
    return (brace, members)
  }

  private init(_ text: String, _ dialect: Dialect, _ subject: String) throws(UserError) {
    guard text.utf8.count <= Self.largestBytes else { throw Self.tooLarge(text.utf8.count, subject) }
    self.init(Array(text.utf8), dialect: dialect, subject: .text(subject))
  }

  /// The error about a text of `count` bytes.
  package static func tooLarge(_ count: Int, _ subject: String) -> UserError {
    UserError(
      .badConfiguration, subject, "found \(count) bytes; allowed: a JSON5 text of at most \(largestBytes) bytes")
  }

  // MARK: Values

  /// The value that starts at the next byte.
  package mutating func value() throws(UserError) -> JSONValue {
    switch peek {
    case UInt8(ascii: "{"): return .object(try members().map { JSONValue.Member($0.key.text, $0.value) })
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      while try nextElement(isFirst: elements.isEmpty) { elements.append(try value()) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string("a string"))
    case UInt8(ascii: "'") where dialect == .json5: return .string(try string("a string"))
    case .some(0x2B), .some(0x2D), .some(0x2E), .some(0x30...0x39):  // + - . 0…9
      return try number()
    default: return try word()
    }
  }

  private mutating func members() throws(UserError) -> [Member] {
    var members: [Member] = []
    var keys: Set<String> = []
    while let key = try nextKey(isFirst: members.isEmpty) {
      guard keys.insert(key.text).inserted else {
        throw failure(
          "the key \"\(key.text.prefix(40))\" appears twice in one object; allowed: once", at: key.bytes.lowerBound)
      }
      let start = position
      let value = try value()
      members.append(Member(key: key, value: value, valueBytes: start..<position))
    }
    return members
  }

  /// The next key of an object, up to its value; `nil` past the closing brace. The first call opens the object.
  package mutating func nextKey(isFirst: Bool) throws(UserError) -> Key? {
    guard try nextItem("{", "}", isFirst: isFirst) else { return nil }
    let start = position
    let text: String
    if dialect == .strict {
      text = try string("a key in quotes")
    } else {
      text = peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") ? try string("a key") : identifier()
      guard position > start else { throw unexpected("a key or }") }
    }
    let key = Key(text: text, bytes: start..<position)
    try skipSpace()
    guard take(":") else { throw unexpected(dialect == .strict ? "':'" : ": after the key \"\(text.prefix(40))\"") }
    try skipSpace()
    return key
  }

  /// Moves to the next element of an array; false past the closing bracket. The first call opens the array.
  package mutating func nextElement(isFirst: Bool) throws(UserError) -> Bool {
    try nextItem("[", "]", isFirst: isFirst)
  }

  private mutating func nextItem(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, isFirst: Bool
  ) throws(UserError) -> Bool {
    try skipSpace()
    if isFirst {
      guard take(open) else { throw unexpected("'\(open)'") }
      depth += 1
      guard depth <= Self.deepestNesting else {
        throw failure(
          "nested more than \(Self.deepestNesting) deep; allowed: at most \(Self.deepestNesting)", at: position - 1)
      }
      try skipSpace()
    }
    let hasComma = !isFirst && take(",")
    if hasComma { try skipSpace() }
    // Only JSON5 allows a comma before the end.
    if !hasComma || dialect == .json5, take(close) {
      depth -= 1
      return false
    }
    guard isFirst || hasComma else { throw unexpected(dialect == .strict ? "','" : ", or \(close)") }
    return true
  }

  private mutating func word() throws(UserError) -> JSONValue {
    let start = position
    switch identifier() {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case "NaN", "Infinity":
      throw failure("found a number that is not finite; allowed: finite numbers", at: start)
    default:
      position = start
      throw unexpected("a value")
    }
  }

  /// Whether only white space is left, which is then passed.
  package mutating func isAtEnd() throws(UserError) -> Bool {
    try skipSpace()
    return position == bytes.count
  }

  // MARK: Errors

  /// An error at a position, by default the next byte's.
  package func failure(_ message: String, at position: Int? = nil) -> UserError {
    let place = position ?? self.position
    switch subject {
    case .bytes(let file, let offset): return UserError(.badData, file, "at offset \(offset + place): \(message)")
    case .text(let subject):
      let before = bytes[..<min(place, bytes.count)]
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let column = String(decoding: before[lineStart...], as: UTF8.self).count + 1
      return UserError(.badConfiguration, subject, "line \(line), column \(column): \(message)")
    }
  }

  /// The error that something else than `wanted` comes next.
  package func unexpected(_ wanted: String) -> UserError {
    if case .bytes = subject { return failure("found \(nextText) instead of \(wanted)") }
    guard position < bytes.count else { return failure("found the end of the text; allowed: \(wanted)") }
    let rest = String(decoding: bytes[position..<min(position + 24, bytes.count)], as: UTF8.self)
    let shown = rest.prefix { !$0.isNewline }.prefix(16)
    return failure("found \(shown); allowed: \(wanted)")
  }

  /// The next byte as text for errors.
  package var nextText: String {
    guard let peek else { return "nothing" }
    return peek > 0x20 && peek < 0x7F ? "'\(Unicode.Scalar(peek))'" : "byte \(peek)"
  }

  // MARK: Bytes

  /// The next byte; `nil` at the end.
  package var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }
}

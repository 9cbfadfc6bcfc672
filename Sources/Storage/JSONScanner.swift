import Diagnostics

/// Reads the few JSON forms a safetensors header is made of, strictly and without recursion.
///
/// Why not a general parser: those keep the last of two equal keys, round large integers, and nest as deep as the
/// input likes; here each of these is an error with its offset. The grammar is RFC 8259's for objects, strings,
/// arrays of non-negative integers, and white space between them.
struct JSONScanner {
  private let bytes: [UInt8]
  private let file: String
  /// Offset of the first byte in the file.
  private let fileOffset: Int
  private var position: Int = 0

  init(_ bytes: [UInt8], file: String, fileOffset: Int) {
    self.bytes = bytes
    self.file = file
    self.fileOffset = fileOffset
  }

  /// The byte at the position; nil at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// The byte at the position as text for errors.
  var nextText: String {
    guard let next else { return "nothing" }
    return next > 0x20 && next < 0x7F ? "'\(Unicode.Scalar(next))'" : "byte \(next)"
  }

  /// An error at `offset` of the file, by default at the position.
  func error(_ message: String, at offset: Int? = nil) -> UserError {
    UserError(.badData, file, "at offset \(offset ?? fileOffset + position): \(message)")
  }

  /// The next key of an object, past its colon, with its offset in the file; nil past the object's end.
  ///
  /// `isFirst` tells the object's opening brace from a comma.
  mutating func key(isFirst: Bool) throws(UserError) -> (String, Int)? {
    skipSpace()
    if isFirst {
      try expect("{")
      skipSpace()
    }
    if next == UInt8(ascii: "}") {
      position += 1
      return nil
    }
    if !isFirst {
      try expect(",")
      skipSpace()
    }
    let offset: Int = fileOffset + position
    let key: String = try string("a key in quotes")
    skipSpace()
    try expect(":")
    return (key, offset)
  }

  /// A string; `what` names it where there is none.
  mutating func string(_ what: String) throws(UserError) -> String {
    skipSpace()
    guard next == UInt8(ascii: "\"") else { throw error("found \(nextText) instead of \(what)") }
    let start: Int = fileOffset + position
    position += 1
    var content: [UInt8] = []
    while let byte: UInt8 = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw error("byte \(byte) in a string; control characters must be escaped") }
      position += 1
      if byte == UInt8(ascii: "\\") { try appendEscape(to: &content) } else { content.append(byte) }
    }
    guard next != nil else { throw error("the string does not end", at: start) }
    position += 1
    guard let text: String = String(validating: content, as: UTF8.self) else {
      throw error("the string is not valid UTF-8", at: start)
    }
    return text
  }

  /// An array of at most `limit` integers from 0 to `Int.max`.
  mutating func integers(atMost limit: Int) throws(UserError) -> [Int] {
    skipSpace()
    try expect("[")
    var values: [Int] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      return values
    }
    while true {
      guard values.count < limit else { throw error("more than \(limit) numbers in the array") }
      skipSpace()
      values.append(try integer())
      skipSpace()
      if next == UInt8(ascii: "]") {
        position += 1
        return values
      }
      try expect(",")
    }
  }

  /// Throws unless only white space is left.
  mutating func expectEnd() throws(UserError) {
    skipSpace()
    guard next == nil else { throw error("found \(nextText) after the header's end") }
  }

  private mutating func integer() throws(UserError) -> Int {
    let start: Int = position
    var value: Int = 0
    while let byte: UInt8 = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      let (shifted, overflow): (Int, Bool) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry): (Int, Bool) = shifted.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw error("a number is larger than \(Int.max)", at: fileOffset + start) }
      value = sum
      position += 1
    }
    guard position > start else { throw error("found \(nextText) instead of a non-negative integer") }
    guard bytes[start] != UInt8(ascii: "0") || position == start + 1 else {
      throw error("a number has leading zeros", at: fileOffset + start)
    }
    return value
  }

  /// The character behind a backslash that has been passed.
  private mutating func appendEscape(to content: inout [UInt8]) throws(UserError) {
    guard let byte: UInt8 = next else { throw error("the string does not end") }
    position += 1
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": content.append(byte)
    case "b": content.append(0x08)
    case "f": content.append(0x0C)
    case "n": content.append(0x0A)
    case "r": content.append(0x0D)
    case "t": content.append(0x09)
    case "u": content.append(contentsOf: String(Character(try escapedScalar())).utf8)
    default:
      position -= 1
      throw error("found \(nextText) after a backslash")
    }
  }

  /// The scalar of `XXXX`, or of `XXXX\uXXXX` for a surrogate pair.
  private mutating func escapedScalar() throws(UserError) -> Unicode.Scalar {
    let start: Int = position - 2
    var value: UInt32 = try fourDigits()
    if value >= 0xD800, value < 0xDC00, next == UInt8(ascii: "\\") {
      position += 1
      try expect("u")
      let low: UInt32 = try fourDigits()
      if low >= 0xDC00, low < 0xE000 { value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) }
    }
    guard let scalar: Unicode.Scalar = Unicode.Scalar(value) else {
      throw error("an escape is half of a surrogate pair", at: fileOffset + start)
    }
    return scalar
  }

  private mutating func fourDigits() throws(UserError) -> UInt32 {
    var value: UInt32 = 0
    for _: Int in 0..<4 {
      guard let byte: UInt8 = next, let digit: Int = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("found \(nextText) instead of a hexadecimal digit")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(UserError) {
    guard next == UInt8(ascii: character) else { throw error("found \(nextText) instead of '\(character)'") }
    position += 1
  }

  private mutating func skipSpace() {
    while let byte: UInt8 = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }
}

/// `text` from a file, in quotes, fit for an error message: at most 60 characters and no control characters.
func shown(_ text: String) -> String {
  let scalars: [Unicode.Scalar] = text.unicodeScalars.prefix(60).map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
    default: scalar
    }
  }
  var result: String = "\""
  result.unicodeScalars.append(contentsOf: scalars)
  return result + (text.unicodeScalars.count > 60 ? "…\"" : "\"")
}

import Diagnostics

/// White space, comments, keys and strings.
extension JSONReader {
  /// Skips white space; in JSON5 `//` and `/* */` comments too.
  mutating func skipSpace() throws(UserError) {
    while let byte = peek {
      switch byte {
      case 0x09, 0x0A, 0x0D, 0x20: position += 1
      case _ where dialect == .strict: return
      case 0x0B, 0x0C: position += 1
      case 0xC2 where starts(with: [0xC2, 0xA0]): position += 2
      case 0xE2 where starts(with: [0xE2, 0x80, 0xA8]) || starts(with: [0xE2, 0x80, 0xA9]): position += 3
      case 0xEF where starts(with: [0xEF, 0xBB, 0xBF]): position += 3
      case UInt8(ascii: "/") where starts(with: Array("//".utf8)):
        while peek != nil, !isAtLineEnd { position += 1 }
      case UInt8(ascii: "/") where starts(with: Array("/*".utf8)):
        let start = position
        position += 2
        while !starts(with: Array("*/".utf8)) {
          guard position < bytes.count else {
            throw failure("found a comment without an end; allowed: /* … */", at: start)
          }
          position += 1
        }
        position += 2
      default: return
      }
    }
  }

  /// A bare key or word: letters, digits, `_`, `$` and anything beyond ASCII; empty if there is none.
  mutating func identifier() -> String {
    let start = position
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
        UInt8(ascii: "$"), 0x80...:
        break
      case UInt8(ascii: "0")...UInt8(ascii: "9") where position > start:
        break
      default:
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
      position += 1
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A string in double quotes, in JSON5 in single ones too; `wanted` names it in the error if there is none.
  ///
  /// Strict strings hold no control characters and no half of a surrogate pair; in JSON5 such a half is U+FFFD.
  mutating func string(_ wanted: String) throws(UserError) -> String {
    let start = position
    guard let quote = peek, quote == UInt8(ascii: "\"") || (dialect == .json5 && quote == UInt8(ascii: "'")) else {
      throw unexpected(wanted)
    }
    position += 1
    var content: [UInt8] = []
    while let byte = peek, byte != quote {
      if dialect == .json5, byte == UInt8(ascii: "\n") { break }
      guard dialect == .json5 || byte >= 0x20 else {
        throw failure("byte \(byte) in a string; control characters must be escaped")
      }
      position += 1
      if byte == UInt8(ascii: "\\") { try appendEscape(to: &content) } else { content.append(byte) }
    }
    guard peek == quote else {
      throw dialect == .strict
        ? failure("the string does not end", at: start)
        : failure("found a string without its closing quote; allowed: one line in quotes", at: start)
    }
    position += 1
    guard let text = String(validating: content, as: UTF8.self) else {
      throw failure("the string is not valid UTF-8", at: start)
    }
    return text
  }

  /// Appends what the escape sequence after a backslash stands for.
  private mutating func appendEscape(to content: inout [UInt8]) throws(UserError) {
    guard let byte = peek else { throw unexpected("an escape sequence") }
    position += 1
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": content.append(byte)
    case "b": content.append(0x08)
    case "f": content.append(0x0C)
    case "n": content.append(0x0A)
    case "r": content.append(0x0D)
    case "t": content.append(0x09)
    case "u": try appendUnicodeEscape(to: &content)
    case _ where dialect == .strict:
      position -= 1
      throw failure("found \(nextText) after a backslash")
    case "v": content.append(0x0B)
    case "0": content.append(0x00)
    case "\n": break
    case "\r": _ = take("\n")
    case "x": try append(try hexadecimal(digits: 2), to: &content)
    default: content.append(byte)
    }
  }

  /// The scalar of `XXXX`, or of `XXXX\uXXXX` for a surrogate pair.
  private mutating func appendUnicodeEscape(to content: inout [UInt8]) throws(UserError) {
    let unit = try hexadecimal(digits: 4)
    guard (0xD800..<0xDC00).contains(unit), starts(with: Array("\\u".utf8)) else {
      return try append(unit, to: &content)
    }
    position += 2
    let low = try hexadecimal(digits: 4)
    if (0xDC00..<0xE000).contains(low) {
      try append(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00), to: &content)
    } else {
      try append(unit, to: &content)
      try append(low, to: &content)
    }
  }

  private mutating func hexadecimal(digits: Int) throws(UserError) -> UInt32 {
    var value: UInt32 = 0
    for offset in position..<position + digits {
      guard offset < bytes.count, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
        throw unexpected("\(digits) hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    position += digits
    return value
  }

  private func append(_ codePoint: UInt32, to content: inout [UInt8]) throws(UserError) {
    guard let scalar = Unicode.Scalar(codePoint) ?? (dialect == .json5 ? "\u{FFFD}" : nil) else {
      throw failure("an escape is half of a surrogate pair", at: position - 6)
    }
    content.append(contentsOf: String(Character(scalar)).utf8)
  }

  private var isAtLineEnd: Bool {
    peek == UInt8(ascii: "\n") || peek == UInt8(ascii: "\r") || starts(with: [0xE2, 0x80, 0xA8])
      || starts(with: [0xE2, 0x80, 0xA9])
  }

  private func starts(with prefix: [UInt8]) -> Bool { bytes[position...].starts(with: prefix) }
}

import Diagnostics

/// White space, comments, keys and strings.
extension JSON5Parser {
  /// Skips white space, `//` and `/* */` comments.
  mutating func skipSpace() throws(UserError) {
    while let byte: UInt8 = peek {
      switch byte {
      case 0x09...0x0D, 0x20: position += 1
      case 0xC2 where starts(with: [0xC2, 0xA0]): position += 2
      case 0xE2 where starts(with: [0xE2, 0x80, 0xA8]) || starts(with: [0xE2, 0x80, 0xA9]): position += 3
      case 0xEF where starts(with: [0xEF, 0xBB, 0xBF]): position += 3
      case UInt8(ascii: "/") where starts(with: Array("//".utf8)):
        while peek != nil, !isAtLineEnd { position += 1 }
      case UInt8(ascii: "/") where starts(with: Array("/*".utf8)):
        let start: Int = position
        position += 2
        while !starts(with: Array("*/".utf8)) {
          guard position < bytes.count else {
            position = start
            throw failure("found a comment without an end; allowed: /* … */")
          }
          position += 1
        }
        position += 2
      default: return
      }
    }
  }

  /// A bare key or word: letters, digits, `_`, `$` and anything beyond ASCII; empty where there is none.
  mutating func identifier() -> String {
    let start: Int = position
    while let byte: UInt8 = peek {
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

  /// A string in single or double quotes.
  mutating func string() throws(UserError) -> String {
    let quote: UInt8 = bytes[position]
    let start: Int = position
    var text: [UInt8] = []
    position += 1
    while let byte: UInt8 = peek, byte != UInt8(ascii: "\n") {
      position += 1
      switch byte {
      case quote: return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try escape()
      default: text.append(byte)
      }
    }
    position = start
    throw failure("found a string without its closing quote; allowed: one line in quotes")
  }

  /// The bytes that the escape sequence after a backslash stands for.
  private mutating func escape() throws(UserError) -> [UInt8] {
    guard let byte: UInt8 = peek else { throw unexpected("an escape sequence") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "v"): return [0x0B]
    case UInt8(ascii: "0"): return [0x00]
    case UInt8(ascii: "\n"): return []
    case UInt8(ascii: "\r"):
      _ = take("\n")
      return []
    case UInt8(ascii: "x"): return utf8(try hexadecimal(digits: 2))
    case UInt8(ascii: "u"):
      let unit: UInt32 = try hexadecimal(digits: 4)
      guard (0xD800..<0xDC00).contains(unit), starts(with: Array("\\u".utf8)) else { return utf8(unit) }
      position += 2
      let low: UInt32 = try hexadecimal(digits: 4)
      guard (0xDC00..<0xE000).contains(low) else { return utf8(unit) + utf8(low) }
      return utf8(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    default: return [byte]
    }
  }

  private mutating func hexadecimal(digits: Int) throws(UserError) -> UInt32 {
    let text: String = String(decoding: bytes[position...].prefix(digits), as: UTF8.self)
    guard text.count == digits, text.allSatisfy(\.isHexDigit), let value: UInt32 = UInt32(text, radix: 16) else {
      throw unexpected("\(digits) hexadecimal digits")
    }
    position += digits
    return value
  }

  /// A code point as UTF-8; a lone surrogate becomes U+FFFD.
  private func utf8(_ codePoint: UInt32) -> [UInt8] {
    Array(String(Unicode.Scalar(codePoint) ?? "\u{FFFD}").utf8)
  }

  private var isAtLineEnd: Bool {
    peek == UInt8(ascii: "\n") || peek == UInt8(ascii: "\r") || starts(with: [0xE2, 0x80, 0xA8])
      || starts(with: [0xE2, 0x80, 0xA9])
  }

  private func starts(with prefix: [UInt8]) -> Bool { bytes[position...].starts(with: prefix) }
}

import Diagnostics

/// Numbers.
extension JSONReader {
  /// An integer if it is one that fits an Int, else the nearest Double.
  mutating func number() throws(UserError) -> JSONValue {
    let start = position
    while let byte = peek, Self.isNumberByte(byte) { position += 1 }
    var text = String(decoding: bytes[start..<position], as: UTF8.self)
    if dialect == .json5, text.hasPrefix("+") { text.removeFirst() }
    let sign = text.hasPrefix("-") ? "-" : ""
    let magnitude = text.dropFirst(sign.count)
    if dialect == .json5, magnitude.lowercased().hasPrefix("0x") {
      if let value = Int(sign + magnitude.dropFirst(2), radix: 16), magnitude.count > 2 { return .integer(value) }
    } else if isDecimal(magnitude) {
      // An integer has no negative zero.
      if let value = Int(text), value != 0 || sign.isEmpty { return .integer(value) }
      if let value = Double(text), value.isFinite { return .number(value) }
    }
    throw failure("found \(text.prefix(40)); allowed: a finite number", at: start)
  }

  /// An array of at most `limit` integers from 0 to `Int.max`, without signs, points and exponents.
  mutating func counts(atMost limit: Int) throws(UserError) -> [Int] {
    var values: [Int] = []
    while try nextElement(isFirst: values.isEmpty) {
      guard values.count < limit else { throw failure("more than \(limit) numbers in the array") }
      values.append(try count())
    }
    return values
  }

  private mutating func count() throws(UserError) -> Int {
    let start = position
    var value = 0
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw failure("a number is larger than \(Int.max)", at: start) }
      value = sum
      position += 1
    }
    guard position > start else { throw unexpected("a non-negative integer") }
    guard bytes[start] != UInt8(ascii: "0") || position == start + 1 else {
      throw failure("a number has leading zeros", at: start)
    }
    return value
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// A decimal literal without its sign: digits with at most one point and exponent, no needless leading zero. JSON5
  /// lets digits on one side of the point be missing.
  private func isDecimal(_ text: Substring) -> Bool {
    let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    guard mantissa.count <= 2, mantissa.contains(where: { !$0.isEmpty }) else { return false }
    guard dialect == .json5 || mantissa.allSatisfy({ !$0.isEmpty }) else { return false }
    guard mantissa.joined().utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
    guard mantissa[0].count <= 1 || !mantissa[0].hasPrefix("0") else { return false }
    guard parts.count == 2 else { return true }
    let exponent = parts[1].hasPrefix("+") || parts[1].hasPrefix("-") ? parts[1].dropFirst() : parts[1]
    return !exponent.isEmpty && exponent.utf8.allSatisfy { (48...57).contains($0) }
  }
}

/// The 32 bytes of a SHA-256 digest, as eight numbers; the first has the first bytes, the most significant one first.
package struct SHA256Digest: Hashable, Sendable {
  package var words: SIMD8<UInt32>

  package init(words: SIMD8<UInt32>) { self.words = words }

  /// The digest that 64 lower-case hexadecimal digits name, after `sha256:` or without; `nil` for other text.
  package init?(_ text: String) {
    let digits = text.hasPrefix("sha256:") ? text.utf8.dropFirst(7) : text.utf8[...]
    guard digits.count == 64 else { return nil }
    var words = SIMD8<UInt32>()
    for (index, digit) in digits.enumerated() {
      guard let value = Hexadecimal.value(of: digit) else { return nil }
      words[index / 8] = words[index / 8] << 4 | UInt32(value)
    }
    self.words = words
  }

  /// 64 lower-case hexadecimal digits.
  package var hexadecimal: String { String(decoding: digits, as: UTF8.self) }

  /// `sha256:` and the digits.
  package var text: String { "sha256:" + hexadecimal }

  private var digits: [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(64)
    append(to: &digits)
    return digits
  }

  /// Appends the 64 digits to `text`.
  package func append(to text: inout [UInt8]) {
    for index in 0..<8 { Hexadecimal.append(words[index], to: &text) }
  }

  /// The words as they lie in memory where digests are stored as bytes.
  var bigEndianWords: SIMD8<UInt32> {
    var swapped = words
    for index in 0..<8 { swapped[index] = words[index].bigEndian }
    return swapped
  }
}

/// Lower-case hexadecimal digits in UTF-8.
package enum Hexadecimal {
  /// Appends all digits of `number`, the most significant first.
  package static func append<Number: FixedWidthInteger>(_ number: Number, to text: inout [UInt8]) {
    var shift = Number.bitWidth
    while shift > 0 {
      shift -= 4
      let digit = UInt8(truncatingIfNeeded: number >> Number(shift)) & 15
      text.append(digit < 10 ? 48 + digit : 87 + digit)
    }
  }

  /// The value of a digit; `nil` for anything else, upper-case digits too.
  package static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
  }
}

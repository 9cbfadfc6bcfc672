/// A message in the wire format of Protocol Buffers: its fields in the order in which they were added.
///
/// ```
/// field   = key, value
/// key     = varint of number · 8 + wire type
/// value   = 0: varint   2: varint of the length, that many bytes   1 and 5: 8 and 4 bytes, little-endian
/// ```
/// Arrays of floats stay as they are until they are written, so that a model's weights are not copied from message to message.
/// Source: https://protobuf.dev/programming-guides/encoding. Deliberately missing: packed fields, groups, 64-bit integers of fixed length.
package struct ProtobufMessage: Sendable, Hashable {
  package enum Piece: Sendable, Hashable {
    case bytes([UInt8])
    case floats([Float])
  }

  package private(set) var pieces: [Piece] = []
  package private(set) var byteCount = 0

  package init() {}

  /// An `int32`, `int64` or enumeration; negative numbers as 64-bit two's complement.
  package mutating func add(_ field: Int, integer value: Int) {
    append(Self.varint(Self.key(field, wireType: 0)) + Self.varint(UInt64(bitPattern: Int64(value))))
  }

  package mutating func add(_ field: Int, float value: Float) {
    append(
      Self.varint(Self.key(field, wireType: 5)) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
  }

  package mutating func add(_ field: Int, double value: Double) {
    append(
      Self.varint(Self.key(field, wireType: 1)) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
  }

  package mutating func add(_ field: Int, text: String) {
    append(Self.start(field, byteCount: text.utf8.count) + Array(text.utf8))
  }

  package mutating func add(_ field: Int, bytes: [UInt8]) { append(Self.start(field, byteCount: bytes.count) + bytes) }

  /// A field of bytes that holds `floats`, little-endian.
  package mutating func add(_ field: Int, floats: [Float]) {
    append(Self.start(field, byteCount: 4 * floats.count))
    pieces.append(.floats(floats))
    byteCount += 4 * floats.count
  }

  package mutating func add(_ field: Int, message: ProtobufMessage) {
    append(Self.start(field, byteCount: message.byteCount))
    for piece in message.pieces {
      switch piece {
      case .bytes(let bytes): append(bytes)
      case .floats(let floats):
        pieces.append(piece)
        byteCount += 4 * floats.count
      }
    }
  }

  /// The whole message.
  package var bytes: [UInt8] {
    pieces.flatMap { piece in
      switch piece {
      case .bytes(let bytes): bytes
      case .floats(let floats): floats.withUnsafeBytes { Array($0) }
      }
    }
  }

  private mutating func append(_ bytes: [UInt8]) {
    byteCount += bytes.count
    if case .bytes(var last)? = pieces.last {
      // Taken out first, so that it grows in place.
      pieces.removeLast()
      last += bytes
      pieces.append(.bytes(last))
    } else {
      pieces.append(.bytes(bytes))
    }
  }

  private static func key(_ field: Int, wireType: UInt64) -> UInt64 { UInt64(field) << 3 | wireType }

  private static func start(_ field: Int, byteCount: Int) -> [UInt8] {
    varint(key(field, wireType: 2)) + varint(UInt64(byteCount))
  }

  /// Seven bits a byte, the lowest first; all bytes but the last have the eighth set.
  private static func varint(_ value: UInt64) -> [UInt8] {
    var (bytes, rest): ([UInt8], UInt64) = ([], value)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

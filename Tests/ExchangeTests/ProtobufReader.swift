/// Fields of a message in the wire format of Protocol Buffers, for tests of what was written.
struct ProtobufReader {
  enum Value: Equatable {
    case integer(Int)
    case bytes([UInt8])
    case fixed(UInt32)
  }

  private(set) var fields: [(number: Int, value: Value)] = []

  /// `nil` for what is not a message.
  init?(_ bytes: some Collection<UInt8>) {
    var rest = Array(bytes)[...]
    func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while let byte = rest.popFirst(), shift < 64 {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while !rest.isEmpty {
      guard let key = varint(&rest) else { return nil }
      switch key & 7 {
      case 0:
        guard let value = varint(&rest) else { return nil }
        fields.append((Int(key >> 3), .integer(Int(truncatingIfNeeded: value))))
      case 2:
        guard let count = varint(&rest), count <= rest.count else { return nil }
        fields.append((Int(key >> 3), .bytes(Array(rest.prefix(Int(count))))))
        rest = rest.dropFirst(Int(count))
      case 5:
        guard rest.count >= 4 else { return nil }
        fields.append((Int(key >> 3), .fixed(rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })))
        rest = rest.dropFirst(4)
      default: return nil
      }
    }
  }

  func messages(_ number: Int) -> [ProtobufReader] {
    values(number).compactMap { if case .bytes(let bytes) = $0 { ProtobufReader(bytes) } else { nil } }
  }

  func texts(_ number: Int) -> [String] {
    values(number).compactMap { if case .bytes(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
  }

  func integers(_ number: Int) -> [Int] {
    values(number).compactMap { if case .integer(let value) = $0 { value } else { nil } }
  }

  func floats(_ number: Int) -> [Float] {
    values(number).flatMap { value -> [Float] in
      switch value {
      case .fixed(let bits): [Float(bitPattern: bits)]
      case .bytes(let bytes):
        stride(from: 0, to: bytes.count, by: 4).map { start in
          Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
      case .integer: []
      }
    }
  }

  private func values(_ number: Int) -> [Value] { fields.filter { $0.number == number }.map(\.value) }
}

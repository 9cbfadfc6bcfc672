import Testing

@testable import Exchange

@Suite struct ProtobufTests {
  private func bytes(_ add: (inout ProtobufMessage) -> Void) -> [UInt8] {
    var message = ProtobufMessage()
    add(&message)
    #expect(message.bytes.count == message.byteCount)
    return message.bytes
  }

  /// The first two are the examples of the format's description.
  @Test("integers are varints, seven bits a byte")
  func integers() {
    #expect(bytes { $0.add(1, integer: 150) } == [0x08, 0x96, 0x01])
    #expect(bytes { $0.add(1, integer: -2) } == [0x08, 0xFE] + [UInt8](repeating: 0xFF, count: 8) + [0x01])
    #expect(bytes { $0.add(1, integer: 0) } == [0x08, 0])
    #expect(bytes { $0.add(1, integer: 127) } == [0x08, 0x7F])
    #expect(bytes { $0.add(1, integer: 128) } == [0x08, 0x80, 0x01])
    #expect(bytes { $0.add(20, integer: 7) } == [0xA0, 0x01, 7])
    #expect(bytes { $0.add(1, integer: .max) } == [0x08] + [UInt8](repeating: 0xFF, count: 8) + [0x7F])
  }

  @Test("text, bytes, floats and messages have their length before them")
  func lengths() {
    #expect(bytes { $0.add(2, text: "testing") } == [0x12, 7] + Array("testing".utf8))
    #expect(bytes { $0.add(2, text: "é") } == [0x12, 2, 0xC3, 0xA9])
    #expect(bytes { $0.add(3, bytes: []) } == [0x1A, 0])
    #expect(bytes { $0.add(2, float: 1) } == [0x15, 0, 0, 0x80, 0x3F])
    #expect(bytes { $0.add(9, floats: [1, -2]) } == [0x4A, 8, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    let long = bytes { $0.add(1, bytes: [UInt8](repeating: 9, count: 300)) }
    #expect(long.prefix(3) == [0x0A, 0xAC, 0x02] && long.count == 303)
  }

  @Test("a message inside a message is what it is alone")
  func nesting() {
    var inner = ProtobufMessage()
    inner.add(1, integer: 150)
    inner.add(9, floats: [1])
    inner.add(3, text: "x")
    var outer = ProtobufMessage()
    outer.add(3, message: inner)
    outer.add(1, integer: 1)
    #expect(outer.bytes == [0x1A, UInt8(inner.byteCount)] + inner.bytes + [0x08, 1])
    #expect(outer.byteCount == outer.bytes.count)
    #expect(bytes { $0.add(1, message: ProtobufMessage()) } == [0x0A, 0])
  }
}

import Testing

@testable import Storage

@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4, and the usual check value.
  @Test("sums are as published")
  func sumsAreAsPublished() {
    #expect(CRC32C.of([]) == 0)
    #expect(CRC32C.of("123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of(0..<32) == 0x46DD_794E)
  }

  /// The masked sum is rotated by 15 bits to the right, plus a constant.
  @Test("masked sums can be undone")
  func maskedSumsCanBeUndone() {
    let rotated = CRC32C.masked("123456789".utf8) &- 0xA282_EAD8
    #expect(rotated >> 17 | rotated << 15 == 0xE306_9283)
  }
}

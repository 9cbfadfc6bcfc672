import Testing

@testable import Datasets

@Suite struct EmbeddedDigitsTests {
  @Test("the digits have their sizes and ranges")
  func sizesAndRanges() throws {
    let (train, test) = try ImageDataset.embeddedDigits()
    for (set, count) in [(train, 1437), (test, 360)] {
      #expect(set.count == count)
      #expect([set.height, set.width, set.channels, set.classCount] == [8, 8, 1, 10])
      #expect(set.floats == nil)
      let bytes = UnsafeBufferPointer(start: set.bytes, count: count * 64)
      #expect(bytes.max() == 255)
      #expect(Set(UnsafeBufferPointer(start: set.labels, count: count)) == Set(0...9))
      #expect(Int(bitPattern: set.bytes) % 4096 == 0)
      #expect(Int(bitPattern: set.labels) % 4096 == 0)
    }
  }

  /// The first training and last test image, read from the files by another program.
  @Test("the digits have their known content")
  func knownContent() throws {
    let (train, test) = try ImageDataset.embeddedDigits()
    let first = try #require(train.bytes)
    let last = try #require(test.bytes) + 359 * 64
    #expect(
      Array(UnsafeBufferPointer(start: first, count: 64))
        == [
          0, 0, 16, 207, 112, 0, 0, 0, 0, 0, 112, 223, 32, 0, 0, 0,
          0, 0, 207, 80, 0, 0, 0, 0, 0, 0, 255, 48, 0, 0, 0, 0,
          0, 48, 255, 159, 191, 191, 48, 0, 0, 48, 255, 175, 80, 143, 191, 0,
          0, 16, 207, 175, 64, 207, 175, 0, 0, 0, 16, 191, 255, 175, 32, 0,
        ])
    #expect(
      Array(UnsafeBufferPointer(start: last, count: 64))
        == [
          0, 0, 0, 96, 239, 96, 0, 0, 0, 16, 175, 207, 128, 175, 0, 0,
          0, 143, 207, 0, 143, 159, 0, 0, 0, 128, 143, 48, 239, 48, 0, 0,
          0, 0, 0, 80, 223, 48, 0, 0, 0, 0, 48, 0, 80, 207, 32, 0,
          0, 0, 143, 191, 80, 159, 112, 0, 0, 0, 0, 96, 191, 239, 80, 0,
        ])
    #expect(train.labels[0] == 6)
    #expect(test.labels[359] == 3)
    #expect(UnsafeBufferPointer(start: first, count: 1437 * 64).reduce(0) { $0 + Int($1) } == 7164435)
  }

  @Test("the credit names authors and licence")
  func creditNamesAuthorsAndLicence() {
    #expect(digitsAttribution.joined(separator: " ").contains("E. Alpaydin and C. Kaynak"))
    #expect(digitsAttribution.joined(separator: " ").contains("CC BY 4.0"))
  }
}

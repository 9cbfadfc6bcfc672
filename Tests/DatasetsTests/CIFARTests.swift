import Diagnostics
import Storage
import TestSupport
import Testing

@testable import Datasets

@Suite struct CIFARTests {
  /// A record whose pixel p of channel c is (p + 85·c) mod 256.
  private func record(_ labels: [UInt8]) -> [UInt8] {
    labels + (0..<3).flatMap { c in (0..<1024).map { UInt8(($0 + 85 * c) % 256) } }
  }

  private func read(_ format: CIFAR, _ files: [UInt8]...) throws -> ImageDataset {
    try ImageDataset.cifar(format, files.enumerated().map { ByteInput(name: "\($0.offset).bin", bytes: $0.element) })
  }

  @Test("planes become channels, and files follow one another")
  func planesBecomeChannels() throws {
    let set = try read(.cifar10, record([9]) + record([0]), record([3]))
    #expect([set.count, set.height, set.width, set.channels, set.classCount] == [3, 32, 32, 3, 10])
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 3)) == [9, 0, 3])
    let image = (0..<1024).flatMap { p in (0..<3).map { UInt8((p + 85 * $0) % 256) } }
    #expect(UnsafeBufferPointer(start: set.bytes, count: 3 * 3072).elementsEqual(image + image + image))
    #expect(set.classNames?[3] == "cat")
  }

  @Test("CIFAR-100 takes the fine label")
  func fineLabels() throws {
    let set = try read(.cifar100, record([19, 99]) + record([0, 71]))
    #expect(Array(UnsafeBufferPointer(start: set.labels, count: 2)) == [99, 71])
    #expect(set.classCount == 100)
    #expect(set.classNames?[71] == "sea" && set.classNames?[99] == "worm" && set.classNames?.count == 100)
  }

  @Test("many records are read in pieces")
  func manyRecords() throws {
    let set = try read(.cifar10, (0..<150).flatMap { record([UInt8($0 % 10)]) })
    #expect((0..<150).allSatisfy { set.labels[$0] == Int32($0 % 10) })
    #expect((0..<150).allSatisfy { set.bytes?[$0 * 3072 + 4] == 86 })
  }

  @Test("other lengths and labels are refused")
  func refused() {
    func expect(_ format: CIFAR, _ bytes: [UInt8], _ message: String) {
      let error = userError { _ = try read(format, bytes) }
      #expect(error?.category == .badData && error?.subject == "0.bin", "\(String(describing: error))")
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
    expect(.cifar10, [], "has 0 bytes; allowed: a multiple of 3073")
    expect(.cifar10, Array(record([1]).dropLast()), "has 3072 bytes")
    expect(.cifar100, record([1]), "a multiple of 3074")
    expect(.cifar10, record([1]) + record([10]), "label 1, at offset 3073, is 10; allowed are 0 to 9")
    expect(.cifar100, record([10, 100]), "label 0, at offset 1, is 100; allowed are 0 to 99")
  }
}

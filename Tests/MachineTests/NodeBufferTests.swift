import Diagnostics
import Foundation
import Machine
import Testing

struct NodeBufferTests {
  @Test(
    "memory is aligned, zero and writable",
    arguments: [0, 1, 4_095, 4_096, 4_097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 2_777_777], [true, false])
  func memoryIsAlignedZeroAndWritable(byteCount: Int, hugePages: Bool) throws {
    let buffer = try NodeBuffer(byteCount: byteCount, node: 0, hugePages: hugePages)
    let held = buffer.byteCount
    #expect(held == byteCount)
    let alignment = hugePages && byteCount >= NodeBuffer.hugePageBytes ? NodeBuffer.hugePageBytes : 4_096
    let address = Int(bitPattern: buffer.pointer)
    #expect(address % alignment == 0)
    let bytes = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: byteCount)
    #expect(bytes.allSatisfy { $0 == 0 })
    for index in stride(from: 0, to: byteCount, by: 512) { bytes[index] = 0xA5 }
    if byteCount > 0 { bytes[byteCount - 1] = 0x5A }
    #expect(bytes.last == (byteCount > 0 ? 0x5A : nil))
  }

  @Test("too much is refused with the numbers", arguments: [Int.max, Int.max / 2, 1 << 60])
  func tooMuchIsRefusedWithTheNumbers(byteCount: Int) {
    #expect {
      _ = try NodeBuffer(byteCount: byteCount, purpose: "activations of worker 3")
    } throws: { error in
      let error = error as? UserError
      return error?.category == .systemRefused && error?.message.contains("\(byteCount)") == true
        && error?.message.contains("activations of worker 3") == true
    }
  }

  /// The kernel refuses a node that the machine does not have, and the memory still works.
  @Test("an absent node is reported and not fatal", arguments: [1_000, 100_000])
  func anAbsentNodeIsReportedNotFatal(node: Int) throws {
    let buffer = try NodeBuffer(byteCount: 10_000, node: node)
    let refused = buffer.placementRefused
    #expect(refused)
    buffer.pointer.storeBytes(of: 7, toByteOffset: 9_000, as: UInt8.self)
    let pointer = buffer.pointer
    #expect(pointer.load(fromByteOffset: 9_000, as: UInt8.self) == 7)
  }

  @Test("freed memory is gone")
  func freedMemoryIsGone() throws {
    // 64 GiB in turns of 256 MiB: without `deinit` the address space would show it.
    let before = try addressSpaceBytes()
    for _ in 0..<256 {
      let buffer = try NodeBuffer(byteCount: 256 << 20, hugePages: false)
      buffer.pointer.storeBytes(of: 1, as: UInt8.self)
    }
    #expect(try addressSpaceBytes() - before < 32 << 30)
  }

  @Test("pages are where they were touched")
  func pagesLieWhereTheyWereTouched() throws {
    let topology = try Topology.read()
    let before = try ThreadAffinity.current()
    defer { try? ThreadAffinity.set(to: before) }
    for worker in topology.usableCores.prefix(4) {
      try ThreadAffinity.pin(to: try #require(worker.cpus.intersection(topology.usable.cpus).first))
      let pages = 10
      let buffer = try NodeBuffer(byteCount: pages * NodeBuffer.pageBytes, node: worker.node)
      let untouched = try PageReport(start: buffer.pointer, byteCount: buffer.byteCount)
      #expect(untouched.absentPages == pages && untouched.presentPages == 0)
      for page in 0..<7 {
        buffer.pointer.storeBytes(of: 1, toByteOffset: page * NodeBuffer.pageBytes + 5, as: UInt8.self)
      }
      let report = try PageReport(start: buffer.pointer, byteCount: buffer.byteCount)
      #expect(report.pagesOfNode == [worker.node: 7])
      #expect(report.absentPages == 3 && report.unknownPages == 0)
      // A range that begins and ends inside pages counts both.
      #expect(try PageReport(start: buffer.pointer + 4_095, byteCount: 2).presentPages == 2)
    }
  }
}

/// The size of this process's address space, from `/proc/self/statm`.
private func addressSpaceBytes() throws -> Int {
  let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
  return try #require(text.split(separator: " ").first.flatMap { Int($0) }) * NodeBuffer.pageBytes
}

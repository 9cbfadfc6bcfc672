import Glibc
import Testing

@testable import Machine

struct MemoryMapTests {
  private static let smaps = """
    00001000-00005000 r-xp 00000000 fe:00 254146                     /usr/bin/cat
    Size:                 16 kB
    Rss:                  16 kB
    AnonHugePages:         0 kB
    VmFlags: rd ex mr mw me
    7f0000000000-7f0000800000 rw-p 00000000 00:00 0
    Size:               8192 kB
    Rss:                6144 kB
    Pss:                6144 kB
    AnonHugePages:      4096 kB
    VmFlags: rd wr mr mw me ac hg
    ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
    Rss:                   0 kB
    AnonHugePages:         0 kB
    """

  private func stretch(_ start: UInt, _ bytes: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: start), count: bytes)
  }

  @Test("mappings are read")
  func mappingsAreRead() {
    let map = MemoryMap(smaps: Self.smaps)
    #expect(
      map.mappings == [
        .init(addresses: 0x1000..<0x5000, residentBytes: 16 << 10, hugeBytes: 0),
        .init(addresses: 0x7f00_0000_0000..<0x7f00_0080_0000, residentBytes: 6 << 20, hugeBytes: 4 << 20),
        .init(addresses: 0xffff_ffff_ff60_0000..<0xffff_ffff_ff60_1000, residentBytes: 0, hugeBytes: 0),
      ])
    #expect(MemoryMap(smaps: "").mappings.isEmpty)
    #expect(MemoryMap(smaps: "Rss: 4 kB\nAnonHugePages: 4 kB\nnonsense\n5-1 x:").mappings.isEmpty)
  }

  @Test("the share counts only what is asked for")
  func shareIsOfWhatIsAskedFor() {
    let map = MemoryMap(smaps: Self.smaps)
    let huge = stretch(0x7f00_0000_0000, 8 << 20)
    let small = stretch(0x1000, 0x4000)
    #expect(map.hugeShare([huge]) == 4.0 / 6)
    #expect(map.hugeShare([stretch(0x7f00_0040_0000, 100)]) == 4.0 / 6)
    #expect(map.hugeShare([small]) == 0 && map.hugeShare([]) == 0)
    #expect(map.hugeShare([stretch(0x9000, 4_096)]) == 0 && map.hugeShare([stretch(0x6fff_ffff, 0)]) == 0)
    #expect(map.hugeShare([small, huge]) == Double(4 << 20) / Double((6 << 20) + (16 << 10)))
    #expect(map.hugeShare([stretch(0x4fff, 2)]) == 0)
  }

  /// The page on either side keeps the kernel from joining a buffer with its neighbours.
  @Test("a buffer is a mapping of its own", arguments: [4_096, 100_000, 5 << 20])
  func aBufferIsAMappingOfItsOwn(byteCount: Int) throws {
    let buffer = try NodeBuffer(byteCount: byteCount)
    buffer.pointer.initializeMemory(as: UInt8.self, repeating: 1, count: byteCount)
    let map = try #require(MemoryMap.read())
    let start: UInt = UInt(bitPattern: buffer.pointer)
    let mapping = try #require(map.mappings.first { $0.addresses.contains(start) })
    let pages = (byteCount + NodeBuffer.pageBytes - 1) / NodeBuffer.pageBytes
    #expect(mapping.addresses == start..<start + UInt(pages * NodeBuffer.pageBytes))
    #expect(mapping.residentBytes == pages * NodeBuffer.pageBytes)
    #expect(map.hugeShare([buffer.bytes]) == Double(mapping.hugeBytes) / Double(mapping.residentBytes))
    #expect((0.0...1.0).contains(map.hugeShare([buffer.bytes])))
  }

  @Test("neighbouring ranges share no page")
  func neighbouringStretchesShareNoPage() throws {
    let page = NodeBuffer.pageBytes
    let buffer = try NodeBuffer(byteCount: 10 * page)
    buffer.pointer.initializeMemory(as: UInt8.self, repeating: 1, count: 10 * page)
    let bytes = buffer.bytes
    for cuts in [
      [0, 10 * page], [0, 1, 2, page, page + 1, 3 * page - 1, 10 * page], [0, 5 * page, 5 * page, 10 * page],
    ] {
      var pages: [UInt] = []
      for (start, end) in zip(cuts, cuts.dropFirst()) {
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        let range = MemoryPolicy.pages(beginningIn: part)
        pages += stride(from: range.lowerBound, to: range.upperBound, by: page)
        #expect(try PageReport(pagesBeginningIn: part).presentPages == range.count / page)
      }
      #expect(pages == (0..<10).map { UInt(bitPattern: buffer.pointer) + UInt($0 * page) }, "\(cuts)")
    }
  }

  @Test("a node that is not there is refused")
  func aNodeThatIsNotThereIsRefused() throws {
    let buffer = try NodeBuffer(byteCount: 100_000)
    #expect(!MemoryPolicy.prefer(node: 1_000, buffer.bytes))
    #expect(!MemoryPolicy.interleave(nodes: [1_000, 1_001], buffer.bytes))
    #expect(
      MemoryPolicy.prefer(node: 1_000, UnsafeRawBufferPointer(rebasing: buffer.bytes[1..<4_000])),
      "no page begins there")
  }
}

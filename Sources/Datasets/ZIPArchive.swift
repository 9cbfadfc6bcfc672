import CZlib
import Diagnostics
import Storage

/// The list of files in a ZIP archive, and each file's content as a stream; stored and deflated ones, ZIP64 included.
///
/// ```
/// local header, content, local header, content, …, central directory, [ZIP64 end and locator], end record
/// ```
/// Every offset and size is checked against the archive's length before anything is read by it. Names are the archive's
/// own and never used as paths. Source: PKWARE, "APPNOTE.TXT, .ZIP File Format Specification", 6.3.
final class ZIPArchive {
  struct Entry {
    let name: String
    /// As the central directory says; the content is checked against both.
    let length: Int
    let checksum: UInt32
    fileprivate let compressedLength: Int
    fileprivate let headerOffset: Int
    fileprivate let method: Int
    fileprivate let isEncrypted: Bool
  }

  var name: String { input.name }
  private(set) var entries: [Entry] = []
  private let input: ByteInput

  /// Reads the central directory; throws `.badData` about an archive that has none, or a damaged one.
  init(_ input: ByteInput) throws(UserError) {
    self.input = input
    let directory = try directory()
    guard directory.offset + directory.length <= input.length else {
      throw damaged("its directory is said to lie at offset \(directory.offset), \(directory.length) bytes long")
    }
    try input.move(to: directory.offset)
    let bytes = try input.read(directory.length)
    var place = 0
    while place + 46 <= bytes.count, bytes.number(place, 4) == 0x0201_4B50 {
      let (nameLength, extraLength) = (bytes.number(place + 28, 2), bytes.number(place + 30, 2))
      let end = place + 46 + nameLength + extraLength + bytes.number(place + 32, 2)
      guard end <= bytes.count else { throw damaged("its directory is cut short") }
      let nameBytes = bytes[place + 46..<place + 46 + nameLength]
      let extra = Array(bytes[place + 46 + nameLength..<place + 46 + nameLength + extraLength])
      var sizes = [24, 20, 42].map { bytes.number(place + $0, 4) }
      guard Self.widen(&sizes, extra) else { throw damaged("file \(entries.count) has no ZIP64 sizes") }
      entries.append(
        Entry(
          name: String(decoding: nameBytes, as: UTF8.self), length: sizes[0],
          checksum: UInt32(truncatingIfNeeded: bytes.number(place + 16, 4)), compressedLength: sizes[1],
          headerOffset: sizes[2], method: bytes.number(place + 10, 2), isEncrypted: bytes.number(place + 8, 2) & 1 != 0)
      )
      place = end
    }
    guard place == bytes.count else { throw damaged("its directory breaks off after \(entries.count) files") }
  }

  /// The content of a file of the archive, to be read before another one is opened.
  func open(_ entry: Entry) throws(UserError) -> ZIPContent {
    let name = "\(input.name) (\(entry.name))"
    guard !entry.isEncrypted, entry.method == 0 || entry.method == 8 else {
      throw UserError(
        .badData, name,
        entry.isEncrypted
          ? "is encrypted" : "is compressed by method \(entry.method); allowed: 0 (stored) and 8 (deflated)")
    }
    guard entry.headerOffset <= input.length - 30 else {
      throw UserError(.badData, name, "is said to lie at offset \(entry.headerOffset) of \(input.length) bytes")
    }
    try input.move(to: entry.headerOffset)
    let header = try input.read(30)
    let start = entry.headerOffset + 30 + header.number(26, 2) + header.number(28, 2)
    guard header.number(0, 4) == 0x0403_4B50, start <= input.length, entry.compressedLength <= input.length - start
    else {
      throw UserError(
        .badData, name,
        "is said to have \(entry.compressedLength) bytes after a header at offset \(entry.headerOffset), which the "
          + "archive of \(input.length) bytes does not hold")
    }
    // 1032: deflate's largest ratio.
    let (limit, overflow) = entry.compressedLength.multipliedReportingOverflow(by: entry.method == 0 ? 1 : 1032)
    guard entry.method == 0 ? entry.length == entry.compressedLength : overflow || entry.length <= limit else {
      throw UserError(
        .badData, name, "declares \(entry.length) bytes, but its \(entry.compressedLength) hold at most \(limit)")
    }
    try input.move(to: start)
    return try ZIPContent(entry, name: name, input, end: start + entry.compressedLength)
  }

  private func damaged(_ what: String) -> UserError {
    UserError(.badData, input.name, "is a damaged ZIP archive: \(what)")
  }

  /// Where the central directory lies, by the end record in the last 64 KiB, or by the ZIP64 one that it hints at.
  private func directory() throws(UserError) -> (offset: Int, length: Int) {
    let tailLength = min(input.length, 22 + 65535)
    try input.move(to: input.length - tailLength)
    let tail = try input.read(tailLength)
    var place = tail.count - 22
    while place >= 0, tail.number(place, 4) != 0x0605_4B50 { place -= 1 }
    guard place >= 0 else {
      throw UserError(
        .badData, input.name, "has no directory of a ZIP archive at its end: it is cut short, or no archive")
    }
    let (length, offset) = (tail.number(place + 12, 4), tail.number(place + 16, 4))
    guard offset == 0xFFFF_FFFF || length == 0xFFFF_FFFF else { return (offset, length) }
    guard place >= 20, tail.number(place - 20, 4) == 0x0706_4B50 else { throw damaged("it has no ZIP64 locator") }
    let record = tail.number(place - 20 + 8, 8)
    guard record >= 0, record <= input.length - 56 else {
      throw damaged("its ZIP64 record is said to lie at \(record)")
    }
    try input.move(to: record)
    let bytes = try input.read(56)
    let (wide, wideOffset) = (bytes.number(40, 8), bytes.number(48, 8))
    guard bytes.number(0, 4) == 0x0606_4B50, wide >= 0, wideOffset >= 0, wide <= input.length,
      wideOffset <= input.length
    else { throw damaged("its ZIP64 record at offset \(record)") }
    return (wideOffset, wide)
  }

  /// Replaces sizes of 0xFFFFFFFF by the next 8 bytes of the ZIP64 field each; false if there are none.
  private static func widen(_ sizes: inout [Int], _ extra: [UInt8]) -> Bool {
    guard sizes.contains(0xFFFF_FFFF) else { return true }
    var place = 0
    while place + 4 <= extra.count {
      let (tag, end) = (extra.number(place, 2), place + 4 + extra.number(place + 2, 2))
      guard end <= extra.count else { return false }
      if tag == 1 {
        place += 4
        for i in sizes.indices where sizes[i] == 0xFFFF_FFFF {
          guard place + 8 <= end, extra.number(place, 8) >= 0 else { return false }
          sizes[i] = extra.number(place, 8)
          place += 8
        }
        return true
      }
      place = end
    }
    return false
  }
}

/// One file of a ZIP archive, read in order; its end is checked against length and checksum.
final class ZIPContent: ContentStream {
  let name: String
  private(set) var position = 0
  /// The length is known: the archive declares it, and reading checks it.
  let maximumLength: Int
  var isCompressed: Bool { false }
  var placeInFile: (descriptor: Int32, offset: Int)? {
    inflater == nil ? input.descriptor.map { ($0, input.position) } : nil
  }

  private let input: ByteInput
  private let inflater: Inflater?
  private let end: Int
  private let checksum: UInt32
  private var sum: UInt = crc32(0, nil, 0)

  fileprivate init(_ entry: ZIPArchive.Entry, name: String, _ input: ByteInput, end: Int) throws(UserError) {
    self.name = name
    self.input = input
    self.end = end
    maximumLength = entry.length
    checksum = entry.checksum
    inflater = entry.method == 0 ? nil : try Inflater(input, .deflate, end: end)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) {
    guard buffer.count <= maximumLength - position else {
      throw UserError(
        .badData, name, "ends after \(maximumLength) bytes; \(buffer.count) are needed at offset \(position)")
    }
    if let inflater {
      let got = try inflater.inflate(into: buffer)
      guard got == buffer.count else {
        throw UserError(
          .badData, name, "holds \(position + got) bytes when decompressed, but declares \(maximumLength)")
      }
    } else {
      try input.read(into: buffer)
    }
    for start in stride(from: 0, to: buffer.count, by: 1 << 30) {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<min(start + 1 << 30, buffer.count)])
      sum = crc32(sum, piece.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(truncatingIfNeeded: piece.count))
    }
    position += buffer.count
  }

  func expectEnd() throws(UserError) {
    guard position == maximumLength else {
      throw UserError(.badData, name, "should end at offset \(position), but has \(maximumLength) bytes")
    }
    if let inflater {
      var byte: [UInt8] = [0]
      let extra = try byte.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
        try inflater.inflate(into: UnsafeMutableRawBufferPointer(buffer))
      }
      guard extra == 0 else {
        throw UserError(.badData, name, "declares \(maximumLength) bytes, but holds more when decompressed")
      }
    }
    guard UInt32(truncatingIfNeeded: sum) == checksum else {
      throw UserError(.badData, name, "is damaged: its checksum is \(sum), but the archive says \(checksum)")
    }
  }
}

extension Array<UInt8> {
  /// The little-endian number of `count` bytes at `place`; negative if the highest bit of 8 bytes is set.
  func number(_ place: Int, _ count: Int) -> Int {
    var value: UInt64 = 0
    for i in 0..<count { value |= UInt64(self[place + i]) &<< (8 * UInt64(i)) }
    return Int(truncatingIfNeeded: value)
  }
}

import CZlib
import Diagnostics
import Storage

extension FixedWidthInteger {
  /// From the lowest byte on.
  var littleEndianBytes: [UInt8] { (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}

/// Writes NumPy arrays into one archive (`.npz`), stored as they are, as `numpy.savez` does.
///
/// ```
/// local header, array, local header, array, …, central directory, [ZIP64 end and locator], end record
/// ```
package struct NPZWriter {
  /// Sizes and offsets from here on are written in ZIP64 fields.
  var largestPlain = 0xFFFF_FFFF

  private struct Entry {
    var name: [UInt8]
    /// The array's own header.
    var header: [UInt8]
    var content: UnsafeRawBufferPointer
    var checksum: UInt32
    var offset: Int
    var length: Int { header.count + content.count }
  }

  package init() {}

  /// Writes images and labels of each set as `x_<name>` and `y_<name>`, and the classes' names as `class_names`.
  ///
  /// Images are u8 or f32 as they are, [n, height, width, channels]; labels are i32, [n].
  /// - Throws: `UserError(.cannotWrite)`.
  package func write(
    _ sets: [(name: String, data: ImageDataset)], classNames: [String]?, to place: FilePlace
  ) throws(UserError) {
    let names = classNames.map { NPZClassNames.array($0) }
    // The pointers into the data sets and the names live as long as this call.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: names?.content.count ?? 0, alignment: 16)
    defer { buffer.deallocate() }
    var entries: [Entry] = []
    for (name, data) in sets {
      let labels = UnsafeRawBufferPointer(UnsafeBufferPointer(start: data.labels, count: data.count))
      entries.append(
        entry(
          "x_\(name)", data.bytes != nil ? "|u1" : "<f4", [data.count, data.height, data.width, data.channels],
          data.pixels))
      entries.append(entry("y_\(name)", "<i4", [data.count], labels))
    }
    if let names, let classNames {
      buffer.copyBytes(from: names.content)
      entries.append(entry(NPZClassNames.name, names.type, [classNames.count], UnsafeRawBufferPointer(buffer)))
    }
    try AtomicFile.write(to: place) { (file) throws(UserError) in
      var offset = 0
      for index in entries.indices {
        entries[index].offset = offset
        let local = localHeader(entries[index])
        try file.write(local + entries[index].header)
        try file.write(entries[index].content)
        offset += local.count + entries[index].length
      }
      let directory = entries.flatMap { directoryEntry($0) }
      try file.write(directory + end(entries.count, offset: offset, length: directory.count))
    }
  }

  private func entry(_ name: String, _ type: String, _ shape: [Int], _ content: UnsafeRawBufferPointer) -> Entry {
    let list = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(list)), }"
    // NumPy fills up with blanks to a multiple of 64 bytes.
    let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
    let header =
      [0x93] + Array("NUMPY".utf8) + [1, 0]
      + UInt16(truncatingIfNeeded: text.utf8.count + padding + 1).littleEndianBytes
      + Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    var sum = crc32(crc32(0, nil, 0), header, UInt32(truncatingIfNeeded: header.count))
    let pieceBytes = 1 << 30
    for start in stride(from: 0, to: content.count, by: pieceBytes) {
      let piece = UnsafeRawBufferPointer(rebasing: content[start..<min(start + pieceBytes, content.count)])
      sum = crc32(sum, piece.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(truncatingIfNeeded: piece.count))
    }
    return Entry(
      name: Array("\(name).npy".utf8), header: header, content: content, checksum: UInt32(truncatingIfNeeded: sum),
      offset: 0)
  }

  private func plain(_ value: Int) -> [UInt8] {
    UInt32(truncatingIfNeeded: value < largestPlain ? value : 0xFFFF_FFFF).littleEndianBytes
  }

  /// The ZIP64 field with those of `values` that have no room elsewhere; empty if all have.
  private func wide(_ values: [Int]) -> [UInt8] {
    let large = values.filter { $0 >= largestPlain }.flatMap { $0.littleEndianBytes }
    return large.isEmpty ? [] : UInt16(1).littleEndianBytes + UInt16(large.count).littleEndianBytes + large
  }

  /// What both headers of a file have in common: version, no flags, stored, the first day there is, checksum and sizes.
  private func common(_ entry: Entry, extra: [UInt8]) -> [UInt8] {
    UInt16(extra.isEmpty ? 20 : 45).littleEndianBytes + [0, 0, 0, 0, 0, 0, 0x21, 0] + entry.checksum.littleEndianBytes
      + plain(entry.length) + plain(entry.length) + UInt16(entry.name.count).littleEndianBytes
      + UInt16(extra.count).littleEndianBytes
  }

  private func localHeader(_ entry: Entry) -> [UInt8] {
    let extra = wide([entry.length, entry.length])
    return UInt32(0x0403_4B50).littleEndianBytes + common(entry, extra: extra) + entry.name + extra
  }

  private func directoryEntry(_ entry: Entry) -> [UInt8] {
    let extra = wide([entry.length, entry.length, entry.offset])
    return UInt32(0x0201_4B50).littleEndianBytes + UInt16(45).littleEndianBytes + common(entry, extra: extra)
      + [UInt8](repeating: 0, count: 10) + plain(entry.offset) + entry.name + extra
  }

  private func end(_ count: Int, offset: Int, length: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    if offset >= largestPlain {
      bytes +=
        UInt32(0x0606_4B50).littleEndianBytes + 44.littleEndianBytes + UInt16(45).littleEndianBytes
        + UInt16(45).littleEndianBytes + [UInt8](repeating: 0, count: 8) + count.littleEndianBytes
        + count.littleEndianBytes + length.littleEndianBytes + offset.littleEndianBytes
      bytes +=
        UInt32(0x0706_4B50).littleEndianBytes + [0, 0, 0, 0] + (offset + length).littleEndianBytes + [1, 0, 0, 0]
    }
    let short = UInt16(truncatingIfNeeded: count).littleEndianBytes
    return bytes + UInt32(0x0605_4B50).littleEndianBytes + [0, 0, 0, 0] + short + short
      + UInt32(truncatingIfNeeded: length).littleEndianBytes + plain(offset) + [0, 0]
  }
}

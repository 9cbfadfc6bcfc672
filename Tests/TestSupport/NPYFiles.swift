import CZlib

/// A NumPy array of version 1.0 with this header's text, padded as NumPy does, and `content`.
package func npy(_ header: String, _ content: [UInt8]) -> [UInt8] {
  let padding = 64 - (10 + header.utf8.count + 1) % 64
  let text = Array(header.utf8) + [UInt8](repeating: 32, count: padding % 64) + [10]
  return [0x93] + Array("NUMPY".utf8) + [1, 0] + bytes(text.count, 2) + text + content
}

/// The same with NumPy's dictionary.
package func npy(_ type: String, _ shape: [Int], _ content: [UInt8]) -> [UInt8] {
  let list = shape.map { "\($0)," }.joined(separator: " ")
  return npy("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(list)), }", content)
}

/// A ZIP archive of files, each stored or deflated.
package func zip(_ files: [(name: String, content: [UInt8], deflated: Bool)]) -> [UInt8] {
  var archive: [UInt8] = []
  var directory: [UInt8] = []
  for file in files {
    let packed = file.deflated ? deflated(file.content) : file.content
    let sum = crc32(0, file.content, UInt32(file.content.count))
    let name = Array(file.name.utf8)
    let common =
      bytes(20, 2) + bytes(0, 2) + bytes(file.deflated ? 8 : 0, 2) + bytes(0, 4) + bytes(Int(sum), 4)
      + bytes(packed.count, 4) + bytes(file.content.count, 4) + bytes(name.count, 2) + bytes(0, 2)
    directory += bytes(0x0201_4B50, 4) + bytes(20, 2) + common + bytes(0, 10) + bytes(archive.count, 4) + name
    archive += bytes(0x0403_4B50, 4) + common + name + packed
  }
  let end =
    bytes(0x0605_4B50, 4) + bytes(0, 4) + bytes(files.count, 2) + bytes(files.count, 2) + bytes(directory.count, 4)
    + bytes(archive.count, 4) + bytes(0, 2)
  return archive + directory + end
}

private func bytes(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
}

/// `content` without gzip's header of 10 bytes and trailer of 8.
private func deflated(_ content: [UInt8]) -> [UInt8] { Array(gzip(content).dropFirst(10).dropLast(8)) }

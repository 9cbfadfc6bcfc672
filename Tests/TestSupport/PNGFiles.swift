import CZlib

/// A PNG file of 8-bit grey pixels.
package func pngFile(height: Int, width: Int, grey: [UInt8]) -> [UInt8] {
  let rows = (0..<height).flatMap { [0] + grey[$0 * width..<($0 + 1) * width] }
  return pngFile(height: height, width: width, data: zlibData(rows))
}

/// A PNG file that declares this size, with `data` as its pixels.
package func pngFile(height: Int, width: Int, depth: UInt8 = 8, colour: UInt8 = 0, data: [UInt8]) -> [UInt8] {
  [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    + pngChunk("IHDR", bigEndian(width) + bigEndian(height) + [depth, colour, 0, 0, 0]) + pngChunk("IDAT", data)
    + pngChunk("IEND", [])
}

/// A chunk with its checksum.
package func pngChunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
  let content = Array(type.utf8) + data
  return bigEndian(data.count) + content + bigEndian(Int(crc32(0, content, UInt32(content.count))))
}

/// `bytes` in zlib's format.
package func zlibData(_ bytes: [UInt8]) -> [UInt8] {
  var size = compressBound(UInt(bytes.count))
  var output = [UInt8](repeating: 0, count: Int(size))
  precondition(compress2(&output, &size, bytes, UInt(bytes.count), 9) == Z_OK)
  return Array(output[..<Int(size)])
}

private func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

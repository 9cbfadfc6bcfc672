import Diagnostics
import Storage

extension ImageDataset {
  /// Images and labels from a pair of IDX files, plain or gzip, told apart by their content.
  ///
  /// Images are N×H×W (one channel) or N×H×W×C unsigned bytes, labels N unsigned bytes. `classCount` defaults to the
  /// largest label + 1. Throws `.inputMissing` for files that cannot be opened and `.badData` with the file, offset
  /// and both values for everything else; memory stays within what the files can hold. Source of the format:
  /// Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
  package static func idx(
    images: String, labels: String, classCount: Int? = nil, place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    try idx(
      images: try ByteInput(path: images), labels: try ByteInput(path: labels), classCount: classCount, place: place)
  }

  /// Images without labels, for prediction: every label is 0 and there is one class.
  package static func images(idx path: String) throws(UserError) -> ImageDataset {
    let reader = try IDXReader(try ByteInput(path: path), holds: .images)
    let labels = try PageBuffer<Int32>(count: reader.count, for: path)
    return try dataset(images: reader, labels: labels, classCount: 1)
  }

  /// The same from inputs, files or memory.
  package static func idx(
    images: ByteInput, labels: ByteInput, classCount: Int?, place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    let imageReader = try IDXReader(images, holds: .images)
    let labelReader = try IDXReader(labels, holds: .labels)
    guard imageReader.count == labelReader.count else {
      throw UserError(
        .badData, labels.name,
        "declares \(labelReader.count) labels at offset 4, but \(images.name) declares \(imageReader.count) images",
        hint: "both files must come from the same set")
    }
    let labelBuffer = try PageBuffer<Int32>(count: labelReader.count, for: labels.name)
    let largest = try labelReader.readLabels(into: labelBuffer.elements, classCount: classCount)
    return try dataset(images: imageReader, labels: labelBuffer, classCount: classCount ?? largest + 1, place: place)
  }

  private static func dataset(
    images: IDXReader, labels: PageBuffer<Int32>, classCount: Int, place: DecodedPlace = .memory
  ) throws(UserError) -> ImageDataset {
    let (pixels, mapped) = try place.pixels(
      shape: images.dimensions, files: [images.name], form: "idx", own: images.placeInFile
    ) { (buffer: PageBuffer<UInt8>) throws(UserError) in
      try images.read(into: buffer.bytes)
    }
    return ImageDataset(
      height: images.dimensions[1], width: images.dimensions[2],
      channels: images.dimensions.count == 4 ? images.dimensions[3] : 1, classCount: classCount,
      pixels: .bytes(pixels), labels: labels, mapped: mapped)
  }
}

/// One IDX file whose header has been read and checked against the file's length.
///
/// ```
/// offset  0    1    2      3       4            8
///         0    0    type   rank    dimension 0  dimension 1 …  content, row-major
/// ```
/// Dimensions are big-endian 32-bit counts.
final class IDXReader {
  enum Kind: String {
    case images
    case labels
  }

  var name: String { reader.name }
  let dimensions: [Int]
  /// The product of the dimensions; content is one byte each.
  let contentBytes: Int
  var count: Int { dimensions[0] }

  private let reader: ContentReader

  init(_ input: ByteInput, holds kind: Kind) throws(UserError) {
    let reader = try ContentReader(input)
    self.reader = reader
    let magic = try reader.read(4)
    guard magic[0] == 0, magic[1] == 0 else {
      let format = otherFormat(magic).map { "is \($0), not an IDX file: it " } ?? ""
      throw UserError(
        .badData, reader.name,
        "\(format)starts with bytes \(hexText(magic[0])) \(hexText(magic[1])); an IDX file starts with 0x00 0x00")
    }
    guard magic[2] == 0x08 else {
      throw UserError(
        .badData, reader.name,
        "has element type \(hexText(magic[2])) (\(typeName(magic[2]))) at offset 2; allowed is 0x08 (unsigned byte)")
    }
    let rank = Int(magic[3])
    guard kind == .labels ? rank == 1 : rank == 3 || rank == 4 else {
      throw Self.wrongRank(rank, kind, reader.name)
    }
    let sizes = try reader.read(4 * rank)
    var dimensions: [Int] = []
    var product = 1
    for axis in 0..<rank {
      let size = sizes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
      guard size > 0 else {
        throw UserError(
          .badData, reader.name, "declares dimension \(axis) as 0 at offset \(4 + 4 * axis); at least 1 is needed")
      }
      let (next, overflow): (Int, Bool) = product.multipliedReportingOverflow(by: size)
      product = overflow ? Int.max : next
      dimensions.append(size)
    }
    self.dimensions = dimensions
    contentBytes = product
    try checkLength()
  }

  /// Where the content lies as it is in an open file, whose length is checked; `nil` where it is compressed or in memory.
  var placeInFile: (descriptor: Int32, offset: Int)? { reader.placeInFile }

  /// Fills `buffer`, which holds `contentBytes`, and checks that the file ends there.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(UserError) {
    try reader.read(into: buffer)
    try reader.expectEnd()
  }

  /// Fills `labels` and returns the largest; with `classCount` given, refuses the first label that is not below it.
  func readLabels(into labels: UnsafeMutableBufferPointer<Int32>, classCount: Int?) throws(UserError) -> Int {
    let headerBytes = reader.position
    let bytes = try reader.read(count)
    try reader.expectEnd()
    var largest = 0
    for index in 0..<count {
      let label = Int(bytes[index])
      if let classCount, label >= classCount {
        throw UserError(
          .badData, name,
          "label \(index), at offset \(headerBytes + index), is \(label); allowed are 0 to \(classCount - 1)")
      }
      largest = max(largest, label)
      labels[index] = Int32(truncatingIfNeeded: label)
    }
    return largest
  }

  /// Before anything is allocated: a plain file's length is known exactly, a gzip file's to a factor.
  private func checkLength() throws(UserError) {
    let (total, overflow): (Int, Bool) = contentBytes.addingReportingOverflow(reader.position)
    let needed = overflow ? Int.max : total
    let shape = dimensions.map(String.init).joined(separator: "×")
    let limit = reader.maximumLength
    guard needed <= limit else {
      let found = reader.isCompressed ? "can hold at most \(limit) decompressed" : "has \(limit)"
      throw UserError(.badData, name, "declares \(shape) bytes at offset 4, \(needed) in all, but the file \(found)")
    }
    guard reader.isCompressed || needed == limit else {
      throw UserError(
        .badData, name,
        "declares \(shape) bytes at offset 4 and should end at offset \(needed), but the file has \(limit) bytes")
    }
  }

  private static func wrongRank(_ rank: Int, _ kind: Kind, _ name: String) -> UserError {
    let allowed =
      kind == .labels
      ? "labels have 1 (count)" : "images have 3 (count, height, width) or 4 (count, height, width, channels)"
    let isSwapped = kind == .labels ? rank == 3 || rank == 4 : rank == 1
    return UserError(
      .badData, name, "has \(rank) dimensions at offset 3; \(allowed)",
      hint: isSwapped ? "are the images and labels files swapped?" : nil)
  }
}

/// `0x0A`.
func hexText(_ byte: UInt8) -> String {
  (byte < 16 ? "0x0" : "0x") + String(byte, radix: 16, uppercase: true)
}

/// What a file of another kind is, by its first four bytes.
func otherFormat(_ magic: [UInt8]) -> String? {
  let formats: [(start: [UInt8], name: String)] = [
    ([0x93] + Array("NUM".utf8), "a NumPy array (.npy)"), (Array("PK".utf8) + [3, 4], "a ZIP archive (.npz, .zip)"),
    (Array("GIF8".utf8), "a GIF image"), (Array("RIFF".utf8), "a RIFF file, such as WebP"),
    ([0x89] + Array("PNG".utf8), "a PNG image"), ([0xFF, 0xD8, 0xFF], "a JPEG image"),
    (Array("BZh".utf8), "a bzip2 file"), ([0xFD] + Array("7zX".utf8), "an xz file"),
  ]
  return formats.first { magic.starts(with: $0.start) }?.name
}

private func typeName(_ code: UInt8) -> String {
  switch code {
  case 0x09: "signed byte"
  case 0x0B: "16-bit integer"
  case 0x0C: "32-bit integer"
  case 0x0D: "32-bit float"
  case 0x0E: "64-bit float"
  default: "unknown"
  }
}

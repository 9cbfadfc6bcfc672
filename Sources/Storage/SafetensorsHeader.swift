import Diagnostics

/// The header of a safetensors file, read and checked against the file's length.
struct SafetensorsHeader {
  struct Entry {
    let name: String
    let type: SafetensorsType
    let shape: [Int]
    /// Bytes of the tensor, counted from the first byte of data.
    let range: Range<Int>
    /// Where the header names the tensor, for errors.
    let fileOffset: Int
  }

  /// In the order of their bytes; they follow each other without holes from 0 to the file's end.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  /// NumPy's limit is 64, and the largest used here is 4; bounds the memory that a header can make us take.
  private static let maximumRank = 64
  private static let maximumMetadataCount = 10_000
  private static let maximumTensorCount = 100_000
  /// Where the header's text starts in the file.
  private static let firstByte = 8

  private var reader: JSONReader
  private var names: Set<String> = []
  private let dataBytes: Int
  private let types: [SafetensorsType]

  /// Reads `input` up to its first byte of data.
  /// - Parameter types: the element types that tensors may have.
  init(_ input: ByteInput, types: [SafetensorsType] = [.f32]) throws(UserError) {
    self.types = types
    let prefix = try input.read(8)
    let declared: UInt64 = prefix.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    guard declared <= UInt64(Safetensors.maximumHeaderBytes) else {
      throw UserError(
        .badData, input.name,
        "declares a header of \(declared) bytes at offset 0; allowed are at most \(Safetensors.maximumHeaderBytes)")
    }
    let headerBytes = Int(declared)
    guard headerBytes <= input.remaining else {
      throw UserError(
        .badData, input.name,
        "declares a header of \(headerBytes) bytes at offset 0, but only \(input.remaining) follow")
    }
    reader = Self.reader(try input.read(headerBytes), input.name)
    dataBytes = input.remaining
    try parse()
    // The header's text is no longer needed.
    reader = Self.reader([], input.name)
    try checkLayout(input.name)
  }

  private static func reader(_ bytes: [UInt8], _ file: String) -> JSONReader {
    JSONReader(bytes, dialect: .strict, subject: .bytes(file: file, offset: firstByte))
  }

  private mutating func parse() throws(UserError) {
    guard reader.peek == UInt8(ascii: "{") else {
      throw reader.failure("the header starts with \(reader.nextText); it must start with {")
    }
    var hasMetadata = false
    var isFirst = true
    while let key = try reader.nextKey(isFirst: isFirst) {
      isFirst = false
      let (key, offset) = (key.text, key.bytes.lowerBound)
      if key == "__metadata__" {
        guard !hasMetadata else { throw reader.failure("\"__metadata__\" appears twice", at: offset) }
        hasMetadata = true
        try parseMetadata()
      } else {
        guard names.insert(key).inserted else { throw reader.failure("tensor \(shown(key)) appears twice", at: offset) }
        guard names.count <= Self.maximumTensorCount else {
          throw reader.failure("the header names more than \(Self.maximumTensorCount) tensors", at: offset)
        }
        try parseTensor(key, offset)
      }
    }
    guard try reader.isAtEnd() else { throw reader.failure("found \(reader.nextText) after the header's end") }
  }

  private mutating func parseMetadata() throws(UserError) {
    var isFirst = true
    while let key = try reader.nextKey(isFirst: isFirst) {
      isFirst = false
      let (key, offset) = (key.text, key.bytes.lowerBound)
      let value = try reader.string("a text in quotes as the value of metadata \(shown(key))")
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw reader.failure("metadata \(shown(key)) appears twice", at: offset)
      }
      guard metadata.count <= Self.maximumMetadataCount else {
        throw reader.failure("metadata has more than \(Self.maximumMetadataCount) entries", at: offset)
      }
    }
  }

  private mutating func parseTensor(_ name: String, _ offset: Int) throws(UserError) {
    var dtype: String?
    var shape: [Int]?
    var range: [Int]?
    var isFirst = true
    while let key = try reader.nextKey(isFirst: isFirst) {
      isFirst = false
      let (key, keyOffset) = (key.text, key.bytes.lowerBound)
      switch key {
      case "dtype" where dtype == nil: dtype = try reader.string("the dtype of tensor \(shown(name)) in quotes")
      case "shape" where shape == nil: shape = try reader.counts(atMost: Self.maximumRank)
      case "data_offsets" where range == nil: range = try reader.counts(atMost: 2)
      case "dtype", "shape", "data_offsets":
        throw reader.failure("tensor \(shown(name)) has \(shown(key)) twice", at: keyOffset)
      default:
        throw reader.failure(
          "tensor \(shown(name)) has the key \(shown(key)); allowed are dtype, shape, data_offsets", at: keyOffset)
      }
    }
    guard let dtype, let shape, let range else {
      throw reader.failure("tensor \(shown(name)) lacks one of dtype, shape, data_offsets", at: offset)
    }
    guard let type = SafetensorsType(rawValue: dtype), types.contains(type) else {
      throw reader.failure(
        "tensor \(shown(name)) has dtype \(shown(dtype)); allowed is \(types.map(\.rawValue).joined(separator: ", "))",
        at: offset)
    }
    guard range.count == 2, range[0] <= range[1], range[1] <= dataBytes else {
      throw reader.failure(
        "tensor \(shown(name)) has data_offsets \(range); they must be [begin, end] with begin ≤ end ≤ \(dataBytes)",
        at: offset)
    }
    try checkSize(name, type, shape, bytes: range[1] - range[0], offset)
    entries.append(
      Entry(name: name, type: type, shape: shape, range: range[0]..<range[1], fileOffset: Self.firstByte + offset))
  }

  /// The shape's product times an element's bytes, without overflow, must be the bytes claimed.
  private func checkSize(
    _ name: String, _ type: SafetensorsType, _ shape: [Int], bytes: Int, _ offset: Int
  ) throws(UserError) {
    var product = type.byteCount
    var overflow = false
    for size in shape {
      let (next, overflows): (Int, Bool) = product.multipliedReportingOverflow(by: size)
      product = next
      overflow = overflow || overflows
    }
    guard !overflow, product == bytes else {
      let needed = overflow ? "more than \(Int.max)" : "\(product)"
      throw reader.failure(
        "tensor \(shown(name)) of shape \(shape) needs \(needed) bytes, but its data_offsets span \(bytes)", at: offset)
    }
  }

  /// Sorts the entries by their bytes and checks that these follow each other from the first to the last of data.
  private mutating func checkLayout(_ file: String) throws(UserError) {
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    var end = 0
    var before = "the data's start"
    for entry in entries {
      let begin = entry.range.lowerBound
      guard begin == end else {
        let what = begin < end ? "an overlap of \(end - begin)" : "a hole of \(begin - end)"
        throw UserError(
          .badData, file,
          "at offset \(entry.fileOffset): tensor \(shown(entry.name)) begins at byte \(begin) of the data, but \(before) "
            + "ends at \(end): \(what) bytes")
      }
      end = entry.range.upperBound
      before = "tensor \(shown(entry.name))"
    }
    guard end == dataBytes else {
      throw UserError(.badData, file, "holds \(dataBytes) bytes of data, but its tensors describe \(end)")
    }
  }
}

/// `text` from a file, in quotes, fit for an error message: at most 60 characters and no control characters.
private func shown(_ text: String) -> String {
  let scalars: [Unicode.Scalar] = text.unicodeScalars.prefix(60).map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
    default: scalar
    }
  }
  var result = "\""
  result.unicodeScalars.append(contentsOf: scalars)
  return result + (text.unicodeScalars.count > 60 ? "…\"" : "\"")
}

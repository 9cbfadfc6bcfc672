import Diagnostics

#if _endian(big)
  #error("Safetensors files are little-endian; reading and writing copy floats as they lie in memory.")
#endif

/// The content of a safetensors file: tensors in the order of their bytes, and the text entries of `__metadata__`.
package struct SafetensorsFile: Sendable, Hashable {
  package var tensors: [NamedTensor]
  package var metadata: [String: String]

  package init(tensors: [NamedTensor], metadata: [String: String]) {
    self.tensors = tensors
    self.metadata = metadata
  }
}

/// Reads and writes safetensors files of F32 tensors.
///
/// ```
/// offset 0         8                  8 + n
///        n, u64    header, JSON       data: the tensors' bytes, little-endian, no holes
/// ```
/// Source: the format's description in the `safetensors` project, https://github.com/huggingface/safetensors.
/// Deliberately missing: other element types, and reading single tensors.
package enum Safetensors {
  static let maximumHeaderBytes = 100_000_000

  /// Writes `tensors` in their order and `metadata` sorted by key, atomically as `AtomicFile` does.
  ///
  /// The header is padded with spaces so that data starts at a multiple of 8. Same values, same bytes. Requires
  /// distinct names, and as many values as each shape says. `verified` reads the file back before it is renamed into place.
  package static func write(
    _ tensors: [NamedTensor], metadata: [String: String], to place: FilePlace, verified: Bool = false
  ) throws(UserError) {
    let header = header(for: tensors, metadata: metadata)
    try AtomicFile.write(to: place, verified: verified) { (file) throws(UserError) in
      try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
      try file.write(header)
      for tensor in tensors {
        try tensor.values.withUnsafeBufferPointer { (values) throws(UserError) in
          try file.write(UnsafeRawBufferPointer(values))
        }
      }
    }
  }

  /// The same to a path.
  package static func write(
    _ tensors: [NamedTensor], metadata: [String: String], to path: String, verified: Bool = false
  ) throws(UserError) {
    try write(tensors, metadata: metadata, to: FilePlace(path: path), verified: verified)
  }

  /// Reads the whole file at `path`.
  ///
  /// Throws `.inputMissing` if it cannot be opened, else `.badData` with the offset and both values for everything
  /// that is not a safetensors file of F32 tensors. Strict: every byte of data belongs to exactly one tensor. All
  /// checks come before memory for data is taken, which then is what the file holds.
  package static func read(_ path: String) throws(UserError) -> SafetensorsFile {
    try read(try ByteInput(path: path))
  }

  /// The metadata alone of the file at `place`, whose header is checked against its length; throws as `read`.
  package static func metadata(_ place: FilePlace) throws(UserError) -> [String: String] {
    try SafetensorsHeader(try ByteInput(place)).metadata
  }

  /// The same at a path.
  package static func metadata(_ path: String) throws(UserError) -> [String: String] {
    try metadata(FilePlace(path: path))
  }

  /// The same from an input, a file or memory.
  package static func read(_ input: ByteInput) throws(UserError) -> SafetensorsFile {
    let header = try SafetensorsHeader(input)
    var tensors: [NamedTensor] = []
    tensors.reserveCapacity(header.entries.count)
    for entry in header.entries {
      var values = [Float](repeating: 0, count: entry.range.count / 4)
      try values.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
        try input.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      tensors.append(NamedTensor(name: entry.name, shape: entry.shape, values: values))
    }
    return SafetensorsFile(tensors: tensors, metadata: header.metadata)
  }

  private static func header(for tensors: [NamedTensor], metadata: [String: String]) -> [UInt8] {
    var names: Set<String> = ["__metadata__"]
    var offset = 0
    var writer = JSONWriter()
    writer.object { writer in
      if !metadata.isEmpty {
        writer.member("__metadata__") { writer in
          writer.object { writer in
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { writer.member(key) { $0.string(value) } }
          }
        }
      }
      for tensor in tensors {
        precondition(names.insert(tensor.name).inserted, "The tensor name \(tensor.name) is taken.")
        precondition(
          tensor.shape.allSatisfy { $0 >= 0 } && tensor.shape.reduce(1, *) == tensor.values.count,
          "Tensor \(tensor.name) of shape \(tensor.shape) has \(tensor.values.count) values.")
        let end = offset + 4 * tensor.values.count
        writer.member(tensor.name) { writer in
          writer.object { writer in
            writer.member("dtype") { $0.string("F32") }
            writer.member("shape") { $0.integers(tensor.shape) }
            writer.member("data_offsets") { $0.integers([offset, end]) }
          }
        }
        offset = end
      }
    }
    var header: [UInt8] = Array(writer.text.utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    precondition(header.count <= maximumHeaderBytes, "A safetensors header of \(header.count) bytes is too large.")
    return header
  }
}

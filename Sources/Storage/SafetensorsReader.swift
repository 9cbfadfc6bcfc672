import Diagnostics

/// A safetensors file whose header has been read and checked; its tensors are read later, one by one.
///
/// A file can thus be refused for what its header says before memory is taken for its content.
package final class SafetensorsReader {
  /// A tensor that the file has.
  package struct Tensor: Hashable, Sendable {
    package var name: String
    package var type: SafetensorsType
    package var shape: [Int]
    package var byteCount: Int
  }

  private static let pieceBytes = 1 << 20

  private let input: ByteInput
  package let metadata: [String: String]
  /// In the order of their bytes.
  package let tensors: [Tensor]

  /// What errors call the file.
  package var name: String { input.name }
  /// Bytes of all tensors.
  package var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// Reads the header; throws as `Safetensors.read`.
  /// - Parameter types: the element types that tensors may have; only those of `f32` have values to keep.
  package init(_ input: ByteInput, types: [SafetensorsType] = [.f32]) throws(UserError) {
    let header = try SafetensorsHeader(input, types: types)
    self.input = input
    metadata = header.metadata
    tensors = header.entries.map { Tensor(name: $0.name, type: $0.type, shape: $0.shape, byteCount: $0.range.count) }
  }

  /// The next tensor; call it once for each of `tensors`, in their order.
  ///
  /// - Parameters:
  ///   - keeps: whether its values are returned; else they are only shown to `piece`, and memory does not grow with them.
  ///   - piece: called with the tensor's bytes in order.
  package func read(
    _ tensor: Tensor, keeps: Bool, _ piece: (UnsafeRawBufferPointer) -> Void
  ) throws(UserError) -> [Float] {
    precondition(!keeps || tensor.type == .f32, "The values of \(tensor.name) are no floats.")
    let pieceFloats = Self.pieceBytes / 4
    let count = tensor.byteCount / 4
    var values = [Float](repeating: 0, count: keeps ? count : min(count, pieceFloats))
    try values.withUnsafeMutableBufferPointer { (buffer) throws(UserError) in
      for done in stride(from: 0, to: count, by: pieceFloats) {
        let start = keeps ? done : 0
        let part = UnsafeMutableBufferPointer(rebasing: buffer[start..<start + min(pieceFloats, count - done)])
        try input.read(into: UnsafeMutableRawBufferPointer(part))
        piece(UnsafeRawBufferPointer(part))
      }
    }
    return keeps ? values : []
  }
}

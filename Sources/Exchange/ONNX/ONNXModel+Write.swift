import Diagnostics
import Storage

extension ONNXModel {
  /// Readers of Protocol Buffers take no larger message.
  static let largestByteCount = Int(Int32.max)

  /// Writes the file atomically, as `AtomicFile` does.
  /// - Returns: its bytes.
  /// - Throws: `UserError(.cannotWrite)`, for a model above 2 GiB too.
  @discardableResult
  package func write(to path: String) throws(UserError) -> Int {
    let message = message
    guard message.byteCount <= Self.largestByteCount else {
      throw UserError(
        .cannotWrite, path,
        "would have \(message.byteCount) bytes; allowed: at most \(Self.largestByteCount), the limit of ONNX files")
    }
    try AtomicFile.write(to: path) { (file) throws(UserError) in
      for piece in message.pieces {
        switch piece {
        case .bytes(let bytes): try file.write(bytes)
        case .floats(let floats):
          try floats.withUnsafeBufferPointer { (values) throws(UserError) in
            try file.write(UnsafeRawBufferPointer(values))
          }
        }
      }
    }
    return message.byteCount
  }
}

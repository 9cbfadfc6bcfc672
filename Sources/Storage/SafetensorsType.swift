/// The element types of safetensors files that can be read past; values are read of `f32` alone.
package enum SafetensorsType: String, Sendable, Hashable, CaseIterable {
  case f32 = "F32"
  case i64 = "I64"
  case u32 = "U32"

  /// Bytes of an element, a multiple of 4.
  package var byteCount: Int {
    switch self {
    case .f32, .u32: 4
    case .i64: 8
    }
  }
}

/// One flat buffer that is added onto another.
struct BufferAddition {
  let from: UnsafeMutablePointer<Float>
  let into: UnsafeMutablePointer<Float>
}

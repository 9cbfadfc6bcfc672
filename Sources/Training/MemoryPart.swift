/// A part of `bytes`, in whole bytes, for one of several that share it.
func part(_ index: Int, of parts: Int, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(rebasing: bytes[bytes.count * index / parts..<bytes.count * (index + 1) / parts])
}

/// Random bits that say which elements of one example are kept: a bit of `mask` per element, in order.
///
/// Elements 8·b … 8·b + 7 have the 128 bits of the Philox4x32-10 block with the counter (`firstBlock` + b, `stream`,
/// `purpose`) and the key `seed`, 16 each from the lowest on, and are kept where those are at least `threshold`.
package struct DropoutMask {
  package var seed: UInt64
  package var purpose: UInt32
  package var stream: UInt32
  package var firstBlock: UInt64
  package var threshold: UInt16
  package var elements: Int
  /// ⌈elements / 32⌉ words are written.
  package var mask: UnsafeMutablePointer<Int32>

  package init(
    seed: UInt64, purpose: UInt32, stream: UInt32, firstBlock: UInt64, threshold: UInt16, elements: Int,
    mask: UnsafeMutablePointer<Int32>
  ) {
    self.seed = seed
    self.purpose = purpose
    self.stream = stream
    self.firstBlock = firstBlock
    self.threshold = threshold
    self.elements = elements
    self.mask = mask
  }

  /// Words of memory for the mask: one more than is written, as pixels are read with what comes after them.
  package static func words(elements: Int) -> Int { (elements + 31) / 32 + 1 }
}

/// `out = x · scale` where the mask has a bit, else 0: over the pixels of a row, each `stride` floats of which `channels` have
/// bits. What comes after them in a pixel is 0 before, and stays so.
package struct DropoutArguments {
  package var mask: UnsafePointer<Int32>
  /// Number of the first pixel's first bit.
  package var firstBit: Int
  package var scale: Float
  package var pixels: Int
  package var channels: Int
  /// A multiple of 16.
  package var stride: Int
  package var x: UnsafePointer<Float>
  /// May be `x`.
  package var out: UnsafeMutablePointer<Float>

  package init(
    mask: UnsafePointer<Int32>, firstBit: Int, scale: Float, pixels: Int, channels: Int, stride: Int,
    x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>
  ) {
    self.mask = mask
    self.firstBit = firstBit
    self.scale = scale
    self.pixels = pixels
    self.channels = channels
    self.stride = stride
    self.x = x
    self.out = out
  }
}

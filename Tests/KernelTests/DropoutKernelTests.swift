import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// Dropout's bits and products of every build, bit for bit.
@Suite("Dropout kernels")
struct DropoutKernelTests {
  private static let counts = [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 95, 96, 127, 129, 1000, 4097]

  private func mask(
    _ elements: Int, seed: UInt64 = 0x1234_5678_9ABC_DEF0, stream: UInt32 = 7 << 20 | 3, firstBlock: UInt64 = 5 << 28,
    threshold: UInt16, _ kernel: (DropoutMask) -> Void
  ) -> [Int] {
    // Words after the mask must stay.
    let words = Int32Buffer([Int](repeating: -7, count: (elements + 31) / 32 + 3))
    kernel(
      DropoutMask(
        seed: seed, purpose: 5, stream: stream, firstBlock: firstBlock, threshold: threshold, elements: elements,
        mask: words.pointer))
    #expect(words.values.suffix(3) == [-7, -7, -7])
    return words.values
  }

  @Test("draw the naive twin's bits", arguments: counts, [0, 1, 6554, 32768, 65535] as [UInt16])
  func bits(elements: Int, threshold: UInt16) {
    // At the last, the low 32 bits of the counter overflow inside the mask.
    for (seed, stream, first) in [(1, 0, 0), (.max, .max, .max &- 4095), (9, 8, 0xFFFF_FFFD)]
      as [(UInt64, UInt32, UInt64)]
    {
      func run(_ kernel: (DropoutMask) -> Void) -> [Int] {
        mask(elements, seed: seed, stream: stream, firstBlock: first, threshold: threshold, kernel)
      }
      let expected = run(NaiveKernels.dropoutMask)
      for kernels in runnableKernels { #expect(run(kernels.dropoutMask) == expected, "\(kernels.name)") }
    }
  }

  @Test("keep the share that the threshold asks for", arguments: [0, 655, 6554, 13107, 32768, 58982] as [UInt16])
  func share(threshold: UInt16) {
    let elements = 1 << 20
    let words = mask(elements, threshold: threshold, testKernels.dropoutMask).dropLast(3)
    let kept = words.reduce(0) { $0 + UInt32(truncatingIfNeeded: $1).nonzeroBitCount }
    let expected = 1 - Double(threshold) / 65536
    // Five standard deviations.
    let deviation = (expected * (1 - expected) / Double(elements)).squareRoot()
    #expect(abs(Double(kept) / Double(elements) - expected) <= 5 * deviation)
  }

  @Test("keep and scale what has a bit, whatever the pixel's width", arguments: [1, 3, 15, 16, 17, 32, 40, 512])
  func products(channels: Int) {
    for (pixels, firstBit, gap) in [(0, 0, 0), (1, 0, 0), (5, 11, 16), (9, 4099, 0)] {
      let stride = (channels + 15) / 16 * 16 + gap
      let elements = firstBit + pixels * channels
      let words = Int32Buffer(mask(elements, threshold: 30000, NaiveKernels.dropoutMask))
      var values = [Float](repeating: 0, count: pixels * stride)
      var random = RandomFloats(seed: channels)
      for pixel in 0..<pixels {
        for channel in 0..<channels { values[pixel * stride + channel] = channel == 1 ? -.infinity : random.draw() }
      }
      let x = FloatBuffer(values)
      func run(_ kernel: (DropoutArguments) -> Void, out: FloatBuffer) -> [UInt32] {
        kernel(
          DropoutArguments(
            mask: words.pointer, firstBit: firstBit, scale: 1.25, pixels: pixels, channels: channels, stride: stride,
            x: x.pointer, out: out.pointer))
        #expect(out.isIntact)
        return out.bits
      }
      let expected = run(NaiveKernels.dropout, out: FloatBuffer(values.count, fill: 0))
      for kernels in runnableKernels {
        #expect(run(kernels.dropout, out: FloatBuffer(values.count, fill: 0)) == expected, "\(kernels.name)")
      }
    }
  }
}

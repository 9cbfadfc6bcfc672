import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// Pooling of any patches of every build against plain loops, bit for bit, with halos, ties and NaNs.
@Suite("Pooling kernels of any patch")
struct WindowPoolTests {
  struct Shape {
    var images = 2
    var height: Int
    var width: Int
    var channels = 16
    var patch: (Int, Int)
    var step: (Int, Int)
    var before = (0, 0)
    var after = (0, 0)

    /// Maps whose halos differ.
    func arguments(inputReLU: FusedReLU?) -> WindowPoolArguments {
      let out = (
        (before.0 + height + after.0 - patch.0) / step.0 + 1, (before.1 + width + after.1 - patch.1) / step.1 + 1
      )
      var p = WindowPoolArguments(
        images: images, inHeight: height, inWidth: width, outHeight: out.0, outWidth: out.1, channels: channels,
        patchHeight: patch.0, patchWidth: patch.1, rowStep: step.0, columnStep: step.1, top: before.0, left: before.1)
      p.xRow = (width + 1) * channels
      p.xImage = (height + 1) * p.xRow + 16
      p.outRow = (out.1 + 2) * channels
      p.outImage = out.0 * p.outRow + 32
      p.dxRow = (width + 3) * channels
      p.dxImage = height * p.dxRow + 48
      p.doutRow = (out.1 + 1) * channels
      p.doutImage = (out.0 + 1) * p.doutRow
      p.inputReLU = inputReLU
      return p
    }
  }

  static let shapes: [Shape] = [
    Shape(height: 6, width: 4, patch: (2, 2), step: (2, 2)),
    Shape(height: 5, width: 7, channels: 48, patch: (3, 3), step: (2, 2), before: (1, 1), after: (1, 1)),
    Shape(height: 4, width: 3, channels: 32, patch: (3, 2), step: (1, 1), before: (2, 0), after: (0, 1)),
    // Patches that leave pixels out, of one pixel, and of the whole image.
    Shape(height: 9, width: 8, patch: (2, 3), step: (4, 5)), Shape(height: 3, width: 5, patch: (1, 1), step: (2, 3)),
    Shape(images: 3, height: 7, width: 7, channels: 80, patch: (7, 7), step: (7, 7)),
    // Patches of one word of the mask, of one and a bit, and of several that a border cuts.
    Shape(height: 9, width: 5, patch: (8, 4), step: (1, 1)), Shape(height: 5, width: 12, patch: (3, 11), step: (2, 1)),
    Shape(images: 1, height: 10, width: 10, patch: (10, 10), step: (3, 9), before: (9, 9), after: (9, 9)),
  ]

  /// Values with many exact and near ties, zeros of both signs and negatives, and on request values that are not finite.
  private func tied(_ random: inout RandomFloats, _ count: Int, finite: Bool) -> [Float] {
    (0..<count).map { _ in
      let (base, step) = ((random.draw() * 2).rounded() / 2, random.draw())
      if !finite, step > 1.3 { return step > 2 ? .nan : step > 1.7 ? .infinity : -.infinity }
      return step > 0.8 ? base * (1 + 0.7e-5 * random.draw()) : step < -1.5 ? -0.0 : base
    }
  }

  @Test("forward and backward", arguments: [PoolKind.maxAll, .maxFirst, .average], shapes.indices)
  func agrees(kind: PoolKind, index: Int) {
    let cases: [(FusedReLU?, Bool)] = [(nil, true), (.unlimited, true), (nil, false), (FusedReLU(limit: 0.75), true)]
    for (seed, (inputReLU, finite)) in cases.enumerated() {
      let p = Self.shapes[index].arguments(inputReLU: inputReLU)
      var random = RandomFloats(seed: 10 * index + seed)
      var values = tied(&random, p.images * p.xImage, finite: finite)
      values = values.map { NaiveKernels.rectified($0, inputReLU) }
      let x = FloatBuffer(values)
      let dout = FloatBuffer(random.array(p.images * p.doutImage))
      let expectedOut = FloatBuffer(p.images * p.outImage)
      let expected = FloatBuffer(p.images * p.dxImage)
      NaiveKernels.windowPoolForward(kind, p, x.pointer, expectedOut.pointer)
      NaiveKernels.windowPoolBackward(
        kind, p, x.pointer, expectedOut.pointer, dout.pointer, expected.pointer)
      for kernels in runnableKernels {
        let out = FloatBuffer(p.images * p.outImage)
        let dx = FloatBuffer(p.images * p.dxImage)
        let withoutMask = FloatBuffer(p.images * p.outImage)
        let mask = Int32Buffer([Int](repeating: 0x5A5A_5A5A, count: p.images * p.maskImage + 16))
        kernels.windowPoolForward(kind, p, x.pointer, out.pointer, mask.pointer)
        kernels.windowPoolForward(kind, p, x.pointer, withoutMask.pointer, nil)
        kernels.windowPoolBackward(kind, p, mask.pointer, dout.pointer, dx.pointer)
        #expect(mask.values.suffix(16) == [Int](repeating: 0x5A5A_5A5A, count: 16)[...])
        #expect(out.bits == withoutMask.bits)
        // Zeros of either sign are the same maximum; what was not written stays as it was.
        #expect(out.values.map(\.valueBits) == expectedOut.values.map(\.valueBits), "\(kernels.name), \(p)")
        #expect(dx.values.map(\.valueBits) == expected.values.map(\.valueBits), "\(kernels.name), \(p)")
        #expect(out.isIntact && dx.isIntact)
        if kind == .average, inputReLU == nil {
          let all = FloatBuffer(p.images * p.dxImage)
          kernels.windowPoolBackward(kind, p, nil, dout.pointer, all.pointer)
          #expect(all.bits == dx.bits, "without a mask, \(kernels.name)")
        }
      }
    }
  }
}

import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// 2×2 pooling of every build against plain loops, bit for bit, with halos and ties.
@Suite("Pooling kernels")
struct PoolTests {
  static let kinds: [PoolKind] = [.maxAll, .maxFirst, .average]

  /// Strides of maps whose halos differ.
  private func arguments(
    images: Int, height: Int, width: Int, channels: Int, halo: Int, inputReLU: FusedReLU?
  ) -> PoolArguments {
    let xRow = (2 * width + halo) * channels
    let outRow = (width + 2 * halo) * channels
    let dxRow = (2 * width + 2 * halo) * channels
    let doutRow = (width + halo) * channels
    return PoolArguments(
      images: images, outHeight: height, outWidth: width, channels: channels, xRow: xRow,
      xImage: (2 * height + halo) * xRow + 16, outRow: outRow, outImage: (height + halo) * outRow + 32, dxRow: dxRow,
      dxImage: (2 * height + halo) * dxRow + 48, doutRow: doutRow, doutImage: (height + halo) * doutRow + 16,
      inputReLU: inputReLU)
  }

  /// Values with many exact and near ties, zeros of both signs and negatives.
  private func tied(_ random: inout RandomFloats, _ count: Int) -> [Float] {
    (0..<count).map { _ in
      let base = (random.draw() * 2).rounded() / 2
      let step = random.draw()
      return step > 0.8 ? base * (1 + 0.7e-5 * random.draw()) : step < -1.5 ? -0.0 : base
    }
  }

  @Test("forward and backward", arguments: kinds, [nil, .unlimited, FusedReLU(limit: 0.75)] as [FusedReLU?])
  func agrees(kind: PoolKind, inputReLU: FusedReLU?) {
    var random = RandomFloats(seed: 3)
    for (images, height, width, channels, halo) in [
      (1, 1, 1, 16, 0), (1, 1, 3, 32, 1), (2, 3, 1, 48, 2), (3, 2, 2, 16, 1), (2, 4, 5, 64, 3), (5, 1, 1, 80, 0),
      (2, 2, 8, 16, 1),
      (1, 3, 17, 32, 0),
    ] {
      let p = arguments(
        images: images, height: height, width: width, channels: channels, halo: halo, inputReLU: inputReLU)
      var values = tied(&random, images * p.xImage)
      values = values.map { NaiveKernels.rectified($0, inputReLU) }
      let x = FloatBuffer(values)
      let dout = FloatBuffer(random.array(images * p.doutImage))
      let expectedOut = FloatBuffer(images * p.outImage)
      let expected = FloatBuffer(images * p.dxImage)
      NaiveKernels.poolForward(kind, p, x.pointer, expectedOut.pointer)
      NaiveKernels.poolBackward(kind, p, x.pointer, expectedOut.pointer, dout.pointer, expected.pointer)
      for kernels in runnableKernels {
        let out = FloatBuffer(images * p.outImage)
        let dx = FloatBuffer(images * p.dxImage)
        let withoutMask = FloatBuffer(images * p.outImage)
        let mask = MaskBuffer(p)
        kernels.poolForward(kind, p, x.pointer, out.pointer, mask.pointer)
        kernels.poolForward(kind, p, x.pointer, withoutMask.pointer, nil)
        kernels.poolBackward(kind, p, mask.pointer, dout.pointer, dx.pointer)
        #expect(out.bits == withoutMask.bits && mask.isIntact)
        // Zeros of either sign are the same maximum; what was not written stays as it was.
        #expect(out.values.map(\.valueBits) == expectedOut.values.map(\.valueBits), "\(kernels.name), \(p)")
        #expect(dx.values.map(\.valueBits) == expected.values.map(\.valueBits), "\(kernels.name), \(p)")
        #expect(out.isIntact && dx.isIntact)
      }
    }
  }

  /// NumPy's `max` keeps a NaN wherever it stands in the patch, and its `isclose` says that nothing is close to one.
  @Test("naNs and infinities in any place of a patch", arguments: kinds, [false, true])
  func notFinite(kind: PoolKind, inputIsReLU: Bool) {
    let p = arguments(images: 1, height: 1, width: 1, channels: 16, halo: 0, inputReLU: inputIsReLU ? .unlimited : nil)
    let special: [Float] = [.nan, -.nan, .infinity, -.infinity, .greatestFiniteMagnitude, 1, -0.0]
    // Every patch of these values; the lanes hold different patches, and each stands in every lane.
    let patches: [[Float]] = special.flatMap { a in
      special.flatMap { b in special.flatMap { c in special.map { [a, b, c, $0] } } }
    }
    for first in patches.indices {
      let x = FloatBuffer(p.xImage, fill: 0)
      for place in 0..<4 {
        for lane in 0..<16 {
          let offset = place / 2 * p.xRow + place % 2 * p.channels + lane
          x.pointer[offset] = patches[(first + lane) % patches.count][place]
        }
      }
      let dout = FloatBuffer((0..<p.doutImage).map { Float($0 + 1) })
      let expectedOut = FloatBuffer(p.outImage, fill: 0)
      let expected = FloatBuffer(p.dxImage, fill: 0)
      NaiveKernels.poolForward(kind, p, x.pointer, expectedOut.pointer)
      NaiveKernels.poolBackward(kind, p, x.pointer, expectedOut.pointer, dout.pointer, expected.pointer)
      for kernels in runnableKernels {
        let out = FloatBuffer(p.outImage, fill: 0)
        let dx = FloatBuffer(p.dxImage, fill: 0)
        let mask = MaskBuffer(p)
        kernels.poolForward(kind, p, x.pointer, out.pointer, mask.pointer)
        kernels.poolBackward(kind, p, mask.pointer, dout.pointer, dx.pointer)
        let context = "\(kernels.name), patches from \(patches[first])"
        #expect(out.values.map(\.valueBits) == expectedOut.values.map(\.valueBits), "\(context)")
        // Whether a NaN passes a ReLU's mask depends on its sign; here none arrives there, except for the mean.
        if kind != .average || !inputIsReLU { #expect(dx.values == expected.values, "\(context)") }
      }
    }
  }

  @Test("the naive twin keeps a NaN in any place, which then has no gradient", arguments: 0..<4)
  func twin(place: Int) {
    var x = Tensor4(count: 1, height: 2, width: 2, channels: 1, values: [1, .infinity, 3, -1])
    let dout = Tensor4(count: 1, height: 1, width: 1, channels: 1, values: [1])
    #expect(ReferencePooling(.maxAll).inputGradient(x, dout: dout).values == [0, 1, 0, 0])
    x.values[place] = .nan
    for kind in [ReferencePooling.Kind.maxAll, .maxFirst, .average] {
      let pooling = ReferencePooling(kind)
      #expect(pooling.forward(x).values[0].isNaN, "\(kind)")
      let gradient = pooling.inputGradient(x, dout: dout)
      #expect(gradient.values == [Double](repeating: kind == .average ? 0.25 : 0, count: 4), "\(kind)")
    }
  }

  @Test("every build has the same bits", arguments: kinds)
  func buildsAgree(kind: PoolKind) {
    var random = RandomFloats(seed: 9)
    let p = arguments(images: 3, height: 4, width: 4, channels: 48, halo: 1, inputReLU: nil)
    let x = FloatBuffer(tied(&random, 3 * p.xImage))
    let dout = FloatBuffer(random.array(3 * p.doutImage))
    let results = runnableKernels.map { kernels in
      let out = FloatBuffer(3 * p.outImage)
      let dx = FloatBuffer(3 * p.dxImage)
      let mask = MaskBuffer(p)
      kernels.poolForward(kind, p, x.pointer, out.pointer, mask.pointer)
      kernels.poolBackward(kind, p, mask.pointer, dout.pointer, dx.pointer)
      return [out.bits, dx.bits]
    }
    for result in results { #expect(result == results[0]) }
  }
}

/// The mask of one pooling, with a guard after it; what it holds before must not matter.
final class MaskBuffer {
  let pointer: UnsafeMutablePointer<Int32>
  private let count: Int
  private static let guardWord: Int32 = 0x5A5A_5A5A

  init(_ p: PoolArguments) {
    count = p.images * p.maskImage
    pointer = .allocate(capacity: count + 16)
    pointer.initialize(repeating: Self.guardWord, count: count + 16)
  }

  deinit { pointer.deallocate() }

  var isIntact: Bool { (count..<count + 16).allSatisfy { pointer[$0] == Self.guardWord } }
}

extension Float {
  /// The bits, of +0 for either zero, of one NaN for all.
  var valueBits: UInt32 { self == 0 ? 0 : isNaN ? Float.nan.bitPattern : bitPattern }
}

import KernelInterface
import ReferenceKernels
import TestSupport
import Testing

/// Batch norm's kernels of every build, bit for bit.
@Suite("Kernels of batch norm")
struct NormTests {
  static let extents = [(1, 1, 1, 16), (3, 1, 1, 48), (2, 5, 7, 16), (3, 4, 2, 32), (5, 3, 3, 80)]

  /// Images of random values with room before and after every row and image.
  private func map(
    _ extent: NormExtent, padding: Int, seed: Int
  ) -> (buffer: FloatBuffer, row: Int, image: Int) {
    var random = RandomFloats(seed: seed)
    let row = (extent.width + padding) * extent.lanes
    let image = (extent.height + padding) * row + 16
    return (FloatBuffer(random.array(extent.images * image).map { 3 * $0 + 0.5 }), row, image)
  }

  @Test("sums of values and products in Double", arguments: extents)
  func sums(images: Int, height: Int, width: Int, lanes: Int) {
    let extent = NormExtent(images: images, height: height, width: width, lanes: lanes)
    let (a, b) = (map(extent, padding: 0, seed: 1), map(extent, padding: 2, seed: 2))
    func run(_ kernel: (ProductSums) -> Void) -> [UInt64] {
      let sums = UnsafeMutablePointer<Double>.allocate(capacity: 2 * lanes)
      sums.initialize(repeating: .nan, count: 2 * lanes)
      defer { sums.deallocate() }
      kernel(
        ProductSums(
          extent, a: NormMap(a.buffer.pointer, image: a.image, row: a.row),
          b: NormMap(b.buffer.pointer + lanes, image: b.image, row: b.row), sums: sums))
      return (0..<2 * lanes).map { sums[$0].bitPattern }
    }
    let expected = run(NaiveKernels.productSums)
    /// The same in two calls.
    func inParts(_ kernel: (ProductSums) -> Void, _ whole: ProductSums) {
      var part = whole
      part.extent.images = images / 2
      if part.extent.images > 0 { kernel(part) }
      part.accumulates = part.extent.images > 0
      part.a.start += images / 2 * part.a.image
      part.b.start += images / 2 * part.b.image
      part.extent.images = images - images / 2
      kernel(part)
    }
    #expect(run { inParts(NaiveKernels.productSums, $0) } == expected)
    for kernels in runnableKernels {
      #expect(run { kernels.productSums($0) } == expected, "\(kernels.name)")
      #expect(run { inParts(kernels.productSums, $0) } == expected, "\(kernels.name)")
    }
  }

  @Test(
    "normalised values, with and without a ReLU, and their gradient", arguments: extents,
    [nil, .unlimited, FusedReLU(limit: 0.5)] as [FusedReLU?])
  func maps(_ shape: (Int, Int, Int, Int), relu: FusedReLU?) {
    let extent = NormExtent(images: shape.0, height: shape.1, width: shape.2, lanes: shape.3)
    let (x, dout) = (map(extent, padding: 1, seed: 3), map(extent, padding: 0, seed: 4))
    let layout = map(extent, padding: 2, seed: 5)
    var random = RandomFloats(seed: 6)
    let channels = FloatBuffer(random.array(4 * extent.lanes))
    func run(_ normalize: (Normalization) -> Void, _ gradient: (NormalizationGradient) -> Void) -> [[UInt32]] {
      let (out, dx) = (FloatBuffer(layout.buffer.count), FloatBuffer(layout.buffer.count))
      let source = NormMap(UnsafePointer(x.buffer.pointer), image: x.image, row: x.row)
      func target(_ buffer: FloatBuffer) -> NormMap<UnsafeMutablePointer<Float>> {
        NormMap(buffer.pointer + extent.lanes, image: layout.image, row: layout.row)
      }
      normalize(
        Normalization(extent, x: source, out: target(out), channels: channels.pointer, relu: relu))
      gradient(
        NormalizationGradient(
          extent, x: source, dout: NormMap(dout.buffer.pointer, image: dout.image, row: dout.row), dx: target(dx),
          channels: channels.pointer))
      #expect(out.isIntact && dx.isIntact)
      return [out.bits, dx.bits]
    }
    let expected = run(NaiveKernels.normalize, NaiveKernels.normalizeGradient)
    for kernels in runnableKernels {
      #expect(run({ kernels.normalize($0) }, { kernels.normalizeGradient($0) }) == expected, "\(kernels.name)")
    }
  }
}

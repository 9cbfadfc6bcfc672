/// An immutable table of offsets that kernels index: computed once per network, shared by all workers.
///
/// Safe to share: nothing writes it after `init`.
final class OffsetTable: @unchecked Sendable {
  let count: Int
  let base: UnsafePointer<Int32>
  private let memory: UnsafeMutablePointer<Int32>

  init(_ values: [Int]) {
    count = values.count
    memory = .allocate(capacity: max(values.count, 1))
    for (i, value) in values.enumerated() {
      assert(value >= 0, "Offset \(value) lies before the memory that it is counted in.")
      memory[i] = Int32(value)
    }
    base = UnsafePointer(memory)
  }

  deinit { memory.deallocate() }

  /// The same offsets in so many images of a map, one after the other.
  convenience init(_ offsets: [Int], images: Int, in layout: MapLayout) {
    assert(offsets.allSatisfy { (0..<layout.imageStride).contains($0) }, "A row starts outside its image.")
    self.init((0..<images).flatMap { n in offsets.map { n * layout.imageStride + $0 } })
  }

  /// `0, stride, 2·stride, …`
  convenience init(count: Int, stride: Int, from start: Int = 0) {
    self.init((0..<count).map { start + $0 * stride })
  }
}

extension MapLayout {
  /// The offsets of all pixels in row-major order, from the start of the image.
  var pixelOffsets: [Int] {
    (0..<shape.height).flatMap { i in (0..<shape.width).map { offset(i, $0) } }
  }
}

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
    for (i, value) in values.enumerated() { memory[i] = Int32(value) }
    base = UnsafePointer(memory)
  }

  deinit { memory.deallocate() }

  /// The offsets of all pixels of a map in row-major order, from the start of the image.
  convenience init(pixelsOf layout: MapLayout, shiftedBy shift: (Int, Int) = (0, 0), shape: ImageShape? = nil) {
    let shape = shape ?? layout.shape
    var values: [Int] = []
    values.reserveCapacity(shape.height * shape.width)
    for i in 0..<shape.height {
      for j in 0..<shape.width { values.append(layout.offset(i + shift.0, j + shift.1)) }
    }
    self.init(values)
  }

  /// `0, stride, 2·stride, …`
  convenience init(count: Int, stride: Int, from start: Int = 0) {
    self.init((0..<count).map { start + $0 * stride })
  }
}

/// The order of axes in which another format holds a tensor: its axis i is axis `order[i]` of `shape`, which is Lockstep's.
package struct AxisOrder: Hashable, Sendable {
  package let shape: [Int]
  package let order: [Int]

  package init(_ shape: [Int], _ order: [Int]) {
    precondition(order.sorted() == Array(shape.indices), "\(order) does not name each axis of \(shape) once.")
    self.shape = shape
    self.order = order
  }

  /// The shape in the other order.
  package var permutedShape: [Int] { order.map { shape[$0] } }

  /// Lockstep's values in the other order.
  package func permuted(_ values: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { target, count in
      forEach { target[$0] = values[$1] }
      count = values.count
    }
  }

  /// The other way round.
  package func restored(_ values: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { target, count in
      forEach { target[$1] = values[$0] }
      count = values.count
    }
  }

  /// Calls `body` with each element's index in the other order, ascending, and its index in Lockstep's.
  private func forEach(_ body: (_ other: Int, _ own: Int) -> Void) {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let (sizes, steps) = (permutedShape, order.map { strides[$0] })
    guard let last = sizes.last, let step = steps.last, !sizes.contains(0) else { return }
    var place = [Int](repeating: 0, count: sizes.count - 1)
    var (other, own) = (0, 0)
    while true {
      for i in 0..<last { body(other + i, own + i * step) }
      other += last
      var axis = place.count - 1
      while axis >= 0 {
        place[axis] += 1
        own += steps[axis]
        if place[axis] < sizes[axis] { break }
        own -= sizes[axis] * steps[axis]
        place[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

import Testing

@testable import Exchange

@Suite struct AxisOrderTests {
  @Test(
    "axes change places, and come back",
    arguments: [
      ([2, 3], [1, 0]), ([2, 3, 4, 5], [3, 2, 0, 1]), ([1, 1, 3, 2], [3, 2, 0, 1]), ([7], [0]),
      ([3, 1, 2], [0, 2, 1]),
      ([3, 4, 2], [0, 1, 2]), ([0, 4], [1, 0]),
    ])
  func axesChangePlaces(shape: [Int], order: [Int]) {
    let axes = AxisOrder(shape, order)
    let values = (0..<shape.reduce(1, *)).map(Float.init)
    let permuted = axes.permuted(values)
    #expect(axes.restored(permuted) == values)
    #expect(permuted.sorted() == values)
    // Each element by its place, written out.
    let sizes = axes.permutedShape
    for (index, value) in permuted.enumerated() {
      var (rest, place) = (index, [Int](repeating: 0, count: sizes.count))
      for axis in sizes.indices.reversed() {
        place[order[axis]] = rest % sizes[axis]
        rest /= sizes[axis]
      }
      #expect(zip(place, shape).reduce(0) { $0 * $1.1 + $1.0 } == Int(value))
    }
  }
}

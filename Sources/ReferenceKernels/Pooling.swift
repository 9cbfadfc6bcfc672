/// Pooling in plain loops: the maximum or the mean of each patch, of those pixels that lie in the image; by default the post's,
/// over 2×2 pixels.
package struct ReferencePooling: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Maximum; every element `isclose` to it receives the gradient (the post's code).
    case maxAll
    /// Maximum; the first largest element in row-major order receives the gradient (the post's text).
    case maxFirst
    /// Mean; every element receives its share of the gradient.
    case average
  }
  package let kind: Kind
  package let window: ReferenceWindow

  package init(
    _ kind: Kind, _ window: ReferenceWindow = ReferenceWindow(height: 2, width: 2, rowStride: 2, columnStride: 2)
  ) {
    self.kind = kind
    self.window = window
  }

  /// NumPy's `isclose(x, y)` with its default tolerances: an infinity is close only to itself, a NaN to nothing.
  package static func isClose(_ x: Double, _ y: Double) -> Bool {
    x == y || y.isFinite && abs(x - y) <= 1e-8 + 1e-5 * abs(y)
  }

  /// Calls `body` with every result over `x`: its place in the output, and the places of its patch in `x`, row-major.
  private func forEachPatch(_ x: Tensor4, _ out: Tensor4, _ body: (_ result: Int, _ patch: [Int]) -> Void) {
    var pixels = [[(i: Int, j: Int)]](repeating: [], count: out.height * out.width)
    window.forEachTap(x) { result, _, pixel in
      guard 0..<x.height ~= pixel.i, 0..<x.width ~= pixel.j else { return }
      pixels[result.i * out.width + result.j].append(pixel)
    }
    for n in 0..<x.count {
      for (place, pixels) in pixels.enumerated() {
        for c in 0..<x.channels {
          body(
            out.index(n, place / out.width, place % out.width, c), pixels.map { x.index(n, $0.i, $0.j, c) })
        }
      }
    }
  }

  /// As NumPy's `max`, which keeps a NaN.
  private func largest(_ values: [Double]) -> Double {
    values.first(where: \.isNaN) ?? values.reduce(-Double.infinity, Swift.max)
  }

  package func forward(_ x: Tensor4) -> Tensor4 {
    var out = window.results(x, channels: x.channels)
    forEachPatch(x, out) { result, patch in
      let values = patch.map { x.values[$0] }
      out.values[result] =
        switch kind {
        case .average: values.reduce(0, +) / Double(values.count)
        case .maxAll, .maxFirst: largest(values)
        }
    }
    return out
  }

  /// `dX`: Σ over the patches that a pixel lies in, of its share of each one's gradient.
  package func inputGradient(_ x: Tensor4, dout: Tensor4) -> Tensor4 {
    var dx = Tensor4(count: x.count, height: x.height, width: x.width, channels: x.channels)
    forEachPatch(x, dout) { result, patch in
      let values = patch.map { x.values[$0] }
      let largest = largest(values)
      let first = values.firstIndex(of: largest)
      for (number, place) in patch.enumerated() {
        let share =
          switch kind {
          case .average: 1 / Double(values.count)
          case .maxAll: Self.isClose(values[number], largest) ? 1.0 : 0
          case .maxFirst: number == first ? 1.0 : 0
          }
        dx.values[place] += share * dout.values[result]
      }
    }
    return dx
  }
}

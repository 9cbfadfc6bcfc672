/// The post's 2×2 pooling in plain loops: `out`, and the mask that routes the gradient.
package enum ReferencePooling: Sendable {
  /// Maximum; the mask marks every element `isclose` to it (the post's code).
  case maxAll
  /// Maximum; the mask marks the first largest element in row-major order (the post's words).
  case maxFirst
  /// Mean of the four values; the mask is 0.25 everywhere.
  case average

  /// NumPy's `isclose(x, y)` with its default tolerances: an infinity is close to itself alone, a NaN to nothing.
  package static func isClose(_ x: Double, _ y: Double) -> Bool {
    x == y || y.isFinite && abs(x - y) <= 1e-8 + 1e-5 * abs(y)
  }

  package func forward(_ x: Tensor4) -> (out: Tensor4, mask: Tensor4) {
    var out = Tensor4(count: x.count, height: x.height / 2, width: x.width / 2, channels: x.channels)
    var mask = Tensor4(count: x.count, height: x.height, width: x.width, channels: x.channels)
    for n in 0..<x.count {
      for i in 0..<out.height {
        for j in 0..<out.width {
          for c in 0..<x.channels {
            let places = [(2 * i, 2 * j), (2 * i, 2 * j + 1), (2 * i + 1, 2 * j), (2 * i + 1, 2 * j + 1)]
            let values = places.map { x[n, $0.0, $0.1, c] }
            // As NumPy's `max`, which keeps a NaN.
            let largest = values.first(where: \.isNaN) ?? values.reduce(-Double.infinity, Swift.max)
            switch self {
            case .average:
              out[n, i, j, c] = values.reduce(0, +) / 4
              for place in places { mask[n, place.0, place.1, c] = 0.25 }
            case .maxAll:
              out[n, i, j, c] = largest
              for (place, value) in zip(places, values) where Self.isClose(value, largest) {
                mask[n, place.0, place.1, c] = 1
              }
            case .maxFirst:
              out[n, i, j, c] = largest
              if let first = values.firstIndex(of: largest) { mask[n, places[first].0, places[first].1, c] = 1 }
            }
          }
        }
      }
    }
    return (out, mask)
  }

  /// `dX = mask ⊙ repeat2x2(dOut)`.
  package static func backward(dout: Tensor4, mask: Tensor4) -> Tensor4 {
    var dx = mask
    for n in 0..<mask.count {
      for i in 0..<mask.height {
        for j in 0..<mask.width {
          for c in 0..<mask.channels { dx[n, i, j, c] *= dout[n, i / 2, j / 2, c] }
        }
      }
    }
    return dx
  }
}

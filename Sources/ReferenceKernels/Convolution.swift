/// Convolution in plain loops, as the post states it (cross-correlation), with strides, dilation and any zeros around:
/// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n, i·s + a·d − top, j·s + b·d − left, c] · W[a,b,c,k] + b[k]`.
///
/// With groups, the channels and the filters are cut into as many equal parts, and each part of the filters sees its own part
/// of the channels alone: c then counts within it.
package struct ReferenceConvolution: Sendable {
  package let window: ReferenceWindow
  package let filters: Int
  package let groups: Int

  package init(_ window: ReferenceWindow, filters: Int, groups: Int = 1) {
    self.window = window
    self.filters = filters
    self.groups = groups
  }

  /// Calls `body` for every product of the sums: places in `x`, in `w` and in `z`.
  private func forEachProduct(
    _ x: Tensor4, _ z: Tensor4, _ body: (_ x: Int, _ w: Int, _ z: Int) -> Void
  ) {
    let channels = x.channels / groups
    window.forEachTap(x) { result, tap, pixel in
      guard 0..<x.height ~= pixel.i, 0..<x.width ~= pixel.j else { return }
      for n in 0..<x.count {
        for c in 0..<channels {
          for k in 0..<filters {
            body(
              x.index(n, pixel.i, pixel.j, k / (filters / groups) * channels + c),
              ((tap.a * window.width + tap.b) * channels + c) * filters + k,
              z.index(n, result.i, result.j, k))
          }
        }
      }
    }
  }

  /// `w` is [a, b, c, k], `bias` [k].
  package func forward(_ x: Tensor4, w: [Double], bias: [Double]?) -> Tensor4 {
    var z = window.results(x, channels: filters)
    if let bias { for index in z.values.indices { z.values[index] = bias[index % filters] } }
    forEachProduct(x, z) { z.values[$2] += x.values[$0] * w[$1] }
    return z
  }

  /// `dW[a,b,c,k] = 1/m Σ_n Σ_i Σ_j dZ[n,i,j,k]·X[n,i·s+a·d,j·s+b·d,c]` and `db = 1/m Σ dZ`, with m = the number of examples.
  package func parameterGradients(_ x: Tensor4, dz: Tensor4) -> (dw: [Double], db: [Double]) {
    let m = Double(x.count)
    var dw = [Double](repeating: 0, count: window.height * window.width * (x.channels / groups) * filters)
    var db = [Double](repeating: 0, count: filters)
    forEachProduct(x, dz) { dw[$1] += dz.values[$2] * x.values[$0] }
    for (index, gradient) in dz.values.enumerated() { db[index % filters] += gradient }
    return (dw.map { $0 / m }, db.map { $0 / m })
  }

  /// `dX` of every pixel: Σ over the results, taps and filters that read it.
  package func inputGradient(_ x: Tensor4, dz: Tensor4, w: [Double]) -> Tensor4 {
    var dx = Tensor4(count: x.count, height: x.height, width: x.width, channels: x.channels)
    forEachProduct(x, dz) { dx.values[$0] += dz.values[$2] * w[$1] }
    return dx
  }
}

import KernelInterface

/// Winograd's transforms as products with their matrices, in Double: `Bᵀ·x·B` into the domain, `Aᵀ·m·A` out of it,
/// `G·w·Gᵀ` for kernels.
package enum ReferenceWinograd {
  package typealias Matrix = [[Double]]

  /// The finite points; the last is ∞ (Lavin and Gray 2016; Barabasz et al. 2020).
  private static func points(_ size: WinogradSize) -> [Double] {
    size == .f4k3 ? [0, 1, -1, 0.5, -2] : [0, 1, -1, 2, -2, 0.5, -0.5]
  }

  /// Bᵀ: row i holds the coefficients of Π (x − p) over the other finite points, the last row of all of them.
  package static func inputMatrix(_ size: WinogradSize) -> Matrix {
    let points = points(size)
    return (0...points.count).map { i in
      var coefficients = [1.0]
      for (j, point) in points.enumerated() where j != i {
        coefficients = zip([0] + coefficients, coefficients + [0]).map { $0 - point * $1 }
      }
      return coefficients + [Double](repeating: 0, count: points.count + 1 - coefficients.count)
    }
  }

  /// Aᵀ: 4×points.
  package static func outputMatrix(_ size: WinogradSize) -> Matrix {
    (0..<WinogradSize.outputs).map { i in
      points(size).map { power($0, i) } + [i == WinogradSize.outputs - 1 ? 1 : 0]
    }
  }

  /// G: points×r, each row over Π (p − q) of the other points.
  package static func kernelMatrix(_ size: WinogradSize) -> Matrix {
    let points = points(size)
    let r = size.taps
    return points.map { point in
      let scale = points.filter { $0 != point }.reduce(1) { $0 / (point - $1) }
      return (0..<r).map { scale * power(point, $0) }
    } + [(0..<r).map { $0 == r - 1 ? 1 : 0 }]
  }

  private static func power(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1) { product, _ in product * x } }

  package static func transposed(_ a: Matrix) -> Matrix { a[0].indices.map { j in a.map { $0[j] } } }

  /// `left · x · leftᵀ`
  package static func sandwich(_ left: Matrix, _ x: Matrix) -> Matrix {
    left.map { row in
      left.map { other in
        var sum = 0.0
        for i in x.indices {
          for j in x[i].indices { sum += row[i] * x[i][j] * other[j] }
        }
        return sum
      }
    }
  }
}

import KernelInterface

/// 2×2 pooling, its gradient decided by the input itself, not by a mask.
extension NaiveKernels {
  package static func poolForward(
    _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
  ) {
    forEachPatch(p) { n, i, j, c in
      let v = patch(x, n * p.xImage + 2 * i * p.xRow + 2 * j * p.channels + c, row: p.xRow, pixel: p.channels)
      let result = kind == .average ? ((v[0] + v[1]) + (v[2] + v[3])) * 0.25 : maximum(v)
      out[n * p.outImage + i * p.outRow + j * p.channels + c] = result
    }
  }

  package static func poolBackward(
    _ kind: PoolKind, _ p: PoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafePointer<Float>,
    _ dout: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    forEachPatch(p) { n, i, j, c in
      let v = patch(x, n * p.xImage + 2 * i * p.xRow + 2 * j * p.channels + c, row: p.xRow, pixel: p.channels)
      let o = out[n * p.outImage + i * p.outRow + j * p.channels + c]
      let g = dout[n * p.doutImage + i * p.doutRow + j * p.channels + c]
      let first = v.firstIndex(of: o)
      for k in 0..<4 {
        let isMarked =
          switch kind {
          case .average: true
          case .maxAll: v[k] == o || o.isFinite && abs(v[k] - o) <= 1e-8 + abs(o) * 1e-5
          case .maxFirst: k == first
          }
        let passes = isMarked && passes(v[k], p.inputReLU)
        let target = n * p.dxImage + (2 * i + k / 2) * p.dxRow + (2 * j + k % 2) * p.channels + c
        dx[target] = passes ? (kind == .average ? g * 0.25 : g) : 0
      }
    }
  }

  private static func forEachPatch(_ p: PoolArguments, _ body: (Int, Int, Int, Int) -> Void) {
    for n in 0..<p.images {
      for i in 0..<p.outHeight {
        for j in 0..<p.outWidth {
          for c in 0..<p.channels { body(n, i, j, c) }
        }
      }
    }
  }

  /// The largest value, a NaN where there is one.
  private static func maximum(_ values: [Float]) -> Float {
    values.first(where: \.isNaN) ?? values.reduce(-.infinity, max)
  }

  /// The four values of a patch, row-major.
  private static func patch(_ x: UnsafePointer<Float>, _ start: Int, row: Int, pixel: Int) -> [Float] {
    [x[start], x[start + pixel], x[start + row], x[start + row + pixel]]
  }
}

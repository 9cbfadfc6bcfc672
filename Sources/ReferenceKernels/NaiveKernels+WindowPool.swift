import KernelInterface

/// Pooling of any patches, its gradient decided by the input itself, not by a mask.
extension NaiveKernels {
  package static func windowPoolForward(
    _ kind: PoolKind, _ p: WindowPoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
  ) {
    forEachResult(p) { n, i, j, c in
      let values = patch(p, i, j).map { x[n * p.xImage + $0.y * p.xRow + $0.x * p.channels + c] }
      out[n * p.outImage + i * p.outRow + j * p.channels + c] =
        kind == .average ? values.reduce(0, +) / Float(values.count) : largest(values)
    }
  }

  /// Adds patch by patch, row-major, as a pixel's gradient is summed; `dx` of all pixels starts at 0.
  package static func windowPoolBackward(
    _ kind: PoolKind, _ p: WindowPoolArguments, _ x: UnsafePointer<Float>, _ out: UnsafePointer<Float>,
    _ dout: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    for n in 0..<p.images {
      for y in 0..<p.inHeight {
        for z in 0..<p.inWidth * p.channels { dx[n * p.dxImage + y * p.dxRow + z] = 0 }
      }
    }
    forEachResult(p) { n, i, j, c in
      let places = patch(p, i, j)
      let values = places.map { x[n * p.xImage + $0.y * p.xRow + $0.x * p.channels + c] }
      let result = out[n * p.outImage + i * p.outRow + j * p.channels + c]
      let gradient = dout[n * p.doutImage + i * p.doutRow + j * p.channels + c]
      let first = values.firstIndex(of: result)
      for (number, place) in places.enumerated() {
        let value = values[number]
        let isMarked =
          switch kind {
          case .average: true
          case .maxAll: value == result || result.isFinite && abs(value - result) <= 1e-8 + abs(result) * 1e-5
          case .maxFirst: number == first
          }
        guard isMarked, passes(value, p.inputReLU) else { continue }
        dx[n * p.dxImage + place.y * p.dxRow + place.x * p.channels + c] +=
          kind == .average ? gradient / Float(values.count) : gradient
      }
    }
  }

  /// The pixels of a patch that lie in the image, row-major.
  private static func patch(_ p: WindowPoolArguments, _ i: Int, _ j: Int) -> [(y: Int, x: Int)] {
    (0..<p.patchHeight * p.patchWidth).map { q in
      (i * p.rowStep - p.top + q / p.patchWidth, j * p.columnStep - p.left + q % p.patchWidth)
    }.filter { 0..<p.inHeight ~= $0.0 && 0..<p.inWidth ~= $0.1 }.map { (y: $0.0, x: $0.1) }
  }

  private static func forEachResult(_ p: WindowPoolArguments, _ body: (Int, Int, Int, Int) -> Void) {
    for n in 0..<p.images {
      for i in 0..<p.outHeight {
        for j in 0..<p.outWidth {
          for c in 0..<p.channels { body(n, i, j, c) }
        }
      }
    }
  }

  /// The largest value, a NaN where there is one.
  private static func largest(_ values: [Float]) -> Float {
    values.first(where: \.isNaN) ?? values.reduce(-.infinity, max)
  }
}

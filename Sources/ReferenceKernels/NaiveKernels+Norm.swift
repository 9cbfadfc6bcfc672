import KernelInterface

/// Batch norm's kernels.
extension NaiveKernels {
  package static func productSums(_ s: ProductSums) {
    for lane in 0..<s.extent.lanes {
      var (sum, product) = s.accumulates ? (s.sums[lane], s.sums[s.extent.lanes + lane]) : (0, 0)
      forEachPixel(s.extent) { n, i, j in
        let a = Double(s.a.start[n * s.a.image + i * s.a.row + j + lane])
        sum += a
        product += a * Double(s.b.start[n * s.b.image + i * s.b.row + j + lane])
      }
      s.sums[lane] = sum
      s.sums[s.extent.lanes + lane] = product
    }
  }

  package static func normalize(_ s: Normalization) {
    let lanes = s.extent.lanes
    for lane in 0..<lanes {
      let (mean, scale, shift) = (s.channels[lane], s.channels[lanes + lane], s.channels[2 * lanes + lane])
      forEachPixel(s.extent) { n, i, j in
        let value = shift.addingProduct(s.x.start[n * s.x.image + i * s.x.row + j + lane] - mean, scale)
        s.out.start[n * s.out.image + i * s.out.row + j + lane] = rectified(value, s.relu)
      }
    }
  }

  package static func normalizeGradient(_ s: NormalizationGradient) {
    let lanes = s.extent.lanes
    for lane in 0..<lanes {
      let (mean, a) = (s.channels[lane], s.channels[lanes + lane])
      let (b, c) = (s.channels[2 * lanes + lane], s.channels[3 * lanes + lane])
      forEachPixel(s.extent) { n, i, j in
        let rest = c.addingProduct(s.x.start[n * s.x.image + i * s.x.row + j + lane] - mean, b)
        s.dx.start[n * s.dx.image + i * s.dx.row + j + lane] = rest.addingProduct(
          s.dout.start[n * s.dout.image + i * s.dout.row + j + lane], a)
      }
    }
  }

  /// `j` is the offset of the pixel in its row.
  private static func forEachPixel(_ extent: NormExtent, _ body: (_ n: Int, _ i: Int, _ j: Int) -> Void) {
    for n in 0..<extent.images {
      for i in 0..<extent.height {
        for column in 0..<extent.width { body(n, i, column * extent.lanes) }
      }
    }
  }
}

/// A kernel or a patch that moves over an image: result (i, j) has tap (a, b) over pixel
/// `(i · rowStride + a · rowDilation − top, j · columnStride + b · columnDilation − left)`.
package struct ReferenceWindow: Hashable, Sendable {
  /// Rows and columns around an image.
  package enum Zeros: Hashable, Sendable {
    case sides(top: Int, bottom: Int, left: Int, right: Int)
    /// As many as give ⌈pixels / stride⌉ results; if that is odd, one more after than before (Keras).
    case same
  }
  package var height: Int
  package var width: Int
  package var rowStride: Int
  package var columnStride: Int
  package var rowDilation: Int
  package var columnDilation: Int
  package var zeros: Zeros

  package init(
    height: Int, width: Int, rowStride: Int = 1, columnStride: Int = 1, rowDilation: Int = 1, columnDilation: Int = 1,
    zeros: Zeros = .sides(top: 0, bottom: 0, left: 0, right: 0)
  ) {
    self.height = height
    self.width = width
    self.rowStride = rowStride
    self.columnStride = columnStride
    self.rowDilation = rowDilation
    self.columnDilation = columnDilation
    self.zeros = zeros
  }

  /// Results along a side, and zeros before it.
  private static func side(
    _ pixels: Int, _ taps: Int, _ stride: Int, _ dilation: Int, given: (before: Int, after: Int)?
  ) -> (results: Int, before: Int) {
    var results = (pixels + stride - 1) / stride
    if let given {
      results = 0
      while results * stride + (taps - 1) * dilation < given.before + pixels + given.after { results += 1 }
      return (results, given.before)
    }
    return (results, max(0, (results - 1) * stride + (taps - 1) * dilation + 1 - pixels) / 2)
  }

  private func rows(_ pixels: Int) -> (results: Int, before: Int) {
    var given: (Int, Int)?
    if case .sides(let top, let bottom, _, _) = zeros { given = (top, bottom) }
    return Self.side(pixels, height, rowStride, rowDilation, given: given)
  }

  private func columns(_ pixels: Int) -> (results: Int, before: Int) {
    var given: (Int, Int)?
    if case .sides(_, _, let left, let right) = zeros { given = (left, right) }
    return Self.side(pixels, width, columnStride, columnDilation, given: given)
  }

  /// Zeros for every result over `x`, with this many channels.
  package func results(_ x: Tensor4, channels: Int) -> Tensor4 {
    Tensor4(count: x.count, height: rows(x.height).results, width: columns(x.width).results, channels: channels)
  }

  /// Calls `body` for every tap of every result over one image of `x`, row-major: the result's place, the tap's, and the
  /// pixel's, which may lie outside.
  package func forEachTap(
    _ x: Tensor4, _ body: (_ result: (i: Int, j: Int), _ tap: (a: Int, b: Int), _ pixel: (i: Int, j: Int)) -> Void
  ) {
    let (rows, columns) = (rows(x.height), columns(x.width))
    for i in 0..<rows.results {
      for j in 0..<columns.results {
        for a in 0..<height {
          for b in 0..<width {
            body(
              (i, j), (a, b),
              (i * rowStride + a * rowDilation - rows.before, j * columnStride + b * columnDilation - columns.before))
          }
        }
      }
    }
  }
}

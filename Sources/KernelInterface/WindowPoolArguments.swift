/// Pooling of patches of any size, stride and padding over `images` feature maps; what lies outside an image counts neither
/// in a maximum nor in a mean.
///
/// `x` and `out` (and their gradients) are NHWC with `channels` floats per pixel, a multiple of 16; pointers are at pixel
/// (0, 0) of the first image, strides in floats. Result (i, j) is over the pixels from (i·rowStep − top, j·columnStep − left)
/// on, of which at least one lies in the image.
///
/// The forward pass leaves a mask of a bit per element of a patch, all that the backward pass needs: bit `q mod 32` of
/// `mask[image][i][j][⌊q/32⌋][channel]` says whether element q of the patch, row-major, receives the gradient. Without a mask
/// every element does.
package struct WindowPoolArguments: Sendable {
  package var images: Int
  package var inHeight: Int
  package var inWidth: Int
  package var outHeight: Int
  package var outWidth: Int
  package var channels: Int
  package var patchHeight: Int
  package var patchWidth: Int
  package var rowStep: Int
  package var columnStep: Int
  /// Rows and columns of the first patch before the image.
  package var top: Int
  package var left: Int
  package var xRow: Int = 0
  package var xImage: Int = 0
  package var outRow: Int = 0
  package var outImage: Int = 0
  /// Strides of the gradients, whose halos may differ.
  package var dxRow: Int = 0
  package var dxImage: Int = 0
  package var doutRow: Int = 0
  package var doutImage: Int = 0
  /// The ReLU that the layer before applied to the input: it masks the input's gradient in the same pass.
  package var inputReLU: FusedReLU?

  package init(
    images: Int, inHeight: Int, inWidth: Int, outHeight: Int, outWidth: Int, channels: Int, patchHeight: Int,
    patchWidth: Int, rowStep: Int, columnStep: Int, top: Int, left: Int
  ) {
    self.images = images
    self.inHeight = inHeight
    self.inWidth = inWidth
    self.outHeight = outHeight
    self.outWidth = outWidth
    self.channels = channels
    self.patchHeight = patchHeight
    self.patchWidth = patchWidth
    self.rowStep = rowStep
    self.columnStep = columnStep
    self.top = top
    self.left = left
  }

  /// Words of the mask per result and channel, and per image.
  package var maskWords: Int { (patchHeight * patchWidth + 31) / 32 }
  package var maskImage: Int { outHeight * outWidth * maskWords * channels }

  /// Rows of the patch of result row `i` that lie in the image; likewise for columns.
  @inline(__always)
  package func patchRows(_ i: Int) -> Range<Int> {
    let start = i * rowStep - top
    return max(0, -start)..<min(patchHeight, inHeight - start)
  }

  @inline(__always)
  package func patchColumns(_ j: Int) -> Range<Int> {
    let start = j * columnStep - left
    return max(0, -start)..<min(patchWidth, inWidth - start)
  }

  /// Result rows whose patches hold pixel row `i`; likewise for columns.
  @inline(__always)
  package func resultRows(_ i: Int) -> Range<Int> {
    Self.results(i + top, patchHeight, rowStep, outHeight)
  }

  @inline(__always)
  package func resultColumns(_ j: Int) -> Range<Int> {
    Self.results(j + left, patchWidth, columnStep, outWidth)
  }

  @inline(__always)
  private static func results(_ place: Int, _ patch: Int, _ step: Int, _ count: Int) -> Range<Int> {
    // Result r holds the place where r·step ≤ place < r·step + patch.
    let end = min(count, place / step + 1)
    let first = place < patch ? 0 : (place - patch) / step + 1
    return min(first, end)..<end
  }
}

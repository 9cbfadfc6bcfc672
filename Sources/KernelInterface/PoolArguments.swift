/// 2×2 pooling with stride 2 over `images` feature maps of `outHeight`×`outWidth` results.
///
/// `x` and `out` (and their gradients) are NHWC with `channels` floats per pixel, a multiple of 16; pointers are at pixel
/// (0, 0) of the first image, strides in floats.
///
/// The forward pass leaves a mask of four bits per result, all that the backward pass needs: bit q of
/// `mask[image][i][⌊j/8⌋][channel] >> 4·(j mod 8)` says whether element q of the patch, row-major, receives the gradient.
package struct PoolArguments: Sendable {
  package var images: Int
  package var outHeight: Int
  package var outWidth: Int
  package var channels: Int
  package var xRow: Int
  package var xImage: Int
  package var outRow: Int
  package var outImage: Int
  /// Strides of the gradient of `x`, whose halo may differ from that of `x`.
  package var dxRow: Int
  package var dxImage: Int
  package var doutRow: Int
  package var doutImage: Int
  /// The ReLU that the layer before applied to the input: it masks the input's gradient in the same pass.
  package var inputReLU: FusedReLU?

  package init(
    images: Int, outHeight: Int, outWidth: Int, channels: Int, xRow: Int, xImage: Int, outRow: Int, outImage: Int,
    dxRow: Int, dxImage: Int, doutRow: Int, doutImage: Int, inputReLU: FusedReLU?
  ) {
    self.images = images
    self.outHeight = outHeight
    self.outWidth = outWidth
    self.channels = channels
    self.xRow = xRow
    self.xImage = xImage
    self.outRow = outRow
    self.outImage = outImage
    self.dxRow = dxRow
    self.dxImage = dxImage
    self.doutRow = doutRow
    self.doutImage = doutImage
    self.inputReLU = inputReLU
  }

  /// Words of the mask per row and per image.
  package var maskRow: Int { Self.maskRow(outWidth: outWidth, channels: channels) }
  package var maskImage: Int { outHeight * maskRow }

  package static func maskRow(outWidth: Int, channels: Int) -> Int { (outWidth + 7) / 8 * channels }
}

/// Which 2×2 pooling: maximum with the post's mask, maximum with the first one only, or the mean.
package enum PoolKind: Sendable { case maxAll, maxFirst, average }

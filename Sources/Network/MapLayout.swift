/// Where the pixels of a feature map lie in memory: N×(halo + H + halo)×(halo + W + halo)×channelStride floats.
///
/// The halo is zero padding for the consumer's convolution; it is cleared once and never written again. Channels are
/// padded to `channelStride`, whose extra lanes stay zero.
package struct MapLayout: Hashable, Sendable {
  package var shape: ImageShape
  package var channelStride: Int
  package var top: Int
  package var bottom: Int
  package var left: Int
  package var right: Int
  /// How long its images stay.
  package var residence: Residence = .run

  package init(
    shape: ImageShape, channelStride: Int, top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0
  ) {
    self.shape = shape
    self.channelStride = channelStride
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  package var rowStride: Int { (left + shape.width + right) * channelStride }

  /// Floats from one image to the next: a whole number of cache lines, kept off multiples of 2 KiB so that the same
  /// pixel of many images does not fall into one cache set.
  package var imageStride: Int {
    let floats = roundUp((top + shape.height + bottom) * rowStride, to: 16)
    return floats.isMultiple(of: 512) ? floats + 16 : floats
  }

  package var hasHalo: Bool { top > 0 || bottom > 0 || left > 0 || right > 0 }

  /// Offset of pixel (0, 0) from the start of its image.
  package var origin: Int { top * rowStride + left * channelStride }

  /// Floats for `images` images, and a little more: a vector load at the last pixel may read past it.
  package func floatCount(images: Int) -> Int { images * imageStride + 32 }

  /// Offset of pixel (i, j) from the start of its image; (−1, −1) lies in the halo.
  package func offset(_ i: Int, _ j: Int) -> Int { origin + i * rowStride + j * channelStride }
}

package func roundUp(_ value: Int, to multiple: Int) -> Int { (value + multiple - 1) / multiple * multiple }

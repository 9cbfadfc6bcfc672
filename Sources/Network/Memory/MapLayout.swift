/// Zero rows and columns around an image.
package struct Halo: Hashable, Sendable {
  package var top = 0
  package var bottom = 0
  package var left = 0
  package var right = 0

  package init(top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0) {
    self.top = top
    self.bottom = bottom
    self.left = left
    self.right = right
  }

  /// Makes each side at least as wide as `other`'s.
  package mutating func extend(to other: Halo) {
    top = max(top, other.top)
    bottom = max(bottom, other.bottom)
    left = max(left, other.left)
    right = max(right, other.right)
  }
}

/// Where the pixels of a feature map lie in memory: N×(halo + H + halo)×(halo + W + halo)×channelStride floats.
///
/// The halo is zero padding for the consumers' convolutions; it is cleared once and never written again. Channels are
/// padded to `channelStride`, whose extra lanes stay zero.
package struct MapLayout: Hashable, Sendable {
  /// Of a cache line.
  static let floatsPerLine = 16

  package var shape: ImageShape
  package var channelStride: Int
  package var halo: Halo
  /// How long its images stay.
  package var residence: Residence = .run

  package init(shape: ImageShape, channelStride: Int, halo: Halo = Halo()) {
    assert(
      shape.channels >= 1 && channelStride >= shape.channels && shape.height >= 1 && shape.width >= 1,
      "Pixels of \(channelStride) floats cannot hold an image of \(shape).")
    self.shape = shape
    self.channelStride = channelStride
    self.halo = halo
  }

  package var rowStride: Int { (halo.left + shape.width + halo.right) * channelStride }

  /// Floats from one image to the next: a whole number of cache lines, kept off multiples of 2 KiB so that the same
  /// pixel of many images does not fall into one cache set.
  package var imageStride: Int {
    let floats = roundUp((halo.top + shape.height + halo.bottom) * rowStride, to: Self.floatsPerLine)
    return floats.isMultiple(of: 512) ? floats + Self.floatsPerLine : floats
  }

  /// Offset of pixel (0, 0) from the start of its image.
  package var origin: Int { halo.top * rowStride + halo.left * channelStride }

  /// Floats for `images` images, and a little more: a vector load at the last pixel may read past it.
  package func floatCount(images: Int) -> Int {
    assert(images >= 0, "A map cannot hold \(images) images.")
    return images * imageStride + 32
  }

  /// Offset of pixel (i, j) from the start of its image; (−1, −1) lies in the halo.
  package func offset(_ i: Int, _ j: Int) -> Int {
    assert(
      i >= -halo.top && i < shape.height + halo.bottom && j >= -halo.left && j < shape.width + halo.right,
      "Pixel (\(i), \(j)) lies neither in an image of \(shape) nor in its halo.")
    return origin + i * rowStride + j * channelStride
  }

  /// Calls `body` with the offsets of each row of pixels, here and in a map of the same shape, and a row's floats.
  @inline(__always)
  package func forEachRow(
    images: Int, with other: MapLayout, _ body: (_ here: Int, _ there: Int, _ count: Int) -> Void
  ) {
    assert(shape == other.shape && channelStride == other.channelStride, "Maps of two shapes go row by row.")
    let count = shape.width * channelStride
    for n in 0..<images {
      for row in 0..<shape.height {
        body(n * imageStride + offset(row, 0), n * other.imageStride + other.offset(row, 0), count)
      }
    }
  }
}

extension MapLayout {
  /// The same for three maps of one shape.
  @inline(__always)
  package func forEachRow(
    images: Int, with second: MapLayout, and third: MapLayout,
    _ body: (_ here: Int, _ second: Int, _ third: Int, _ count: Int) -> Void
  ) {
    assert(shape == second.shape && shape == third.shape, "Maps of two shapes go row by row.")
    let count = shape.width * channelStride
    for n in 0..<images {
      for row in 0..<shape.height {
        body(
          n * imageStride + offset(row, 0), n * second.imageStride + second.offset(row, 0),
          n * third.imageStride + third.offset(row, 0), count)
      }
    }
  }
}

package func roundUp(_ value: Int, to multiple: Int) -> Int { (value + multiple - 1) / multiple * multiple }

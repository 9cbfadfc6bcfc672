/// Images of a feature map as batch norm's kernels go through them: images, then rows, then pixels, `lanes` channels each.
///
/// Pointers are at pixel (0, 0) of the first image; strides are in floats; `lanes` is a multiple of 16.
package struct NormExtent: Sendable {
  package var images: Int
  package var height: Int
  package var width: Int
  package var lanes: Int

  package init(images: Int, height: Int, width: Int, lanes: Int) {
    self.images = images
    self.height = height
    self.width = width
    self.lanes = lanes
  }
}

/// One of the maps that the kernels read or write.
package struct NormMap<Pointer> {
  package var start: Pointer
  package var image: Int
  package var row: Int

  package init(_ start: Pointer, image: Int, row: Int) {
    self.start = start
    self.image = image
    self.row = row
  }
}

/// `sums[lane] = Σ a` and `sums[lanes + lane] = Σ a · b` over all pixels of all images, in their order, in Double: from 0, or
/// from what is there.
///
/// The product of two Floats is exact in Double. With `b = a` these are the sums of a norm's forward pass, with the gradient
/// of the output as `a` and the input as `b` those of its backward pass.
package struct ProductSums {
  package var extent: NormExtent
  package var a: NormMap<UnsafePointer<Float>>
  package var b: NormMap<UnsafePointer<Float>>
  package var sums: UnsafeMutablePointer<Double>
  /// Whether the sums go on from those of the images before.
  package var accumulates = false

  package init(
    _ extent: NormExtent, a: NormMap<UnsafePointer<Float>>, b: NormMap<UnsafePointer<Float>>,
    sums: UnsafeMutablePointer<Double>
  ) {
    self.extent = extent
    self.a = a
    self.b = b
    self.sums = sums
  }
}

/// `out = (x − mean) · scale + shift` by channel, the last two in one fused multiply-add; then a ReLU where wanted.
///
/// `channels` is [mean, scale, shift][lanes].
package struct Normalization {
  package var extent: NormExtent
  package var x: NormMap<UnsafePointer<Float>>
  package var out: NormMap<UnsafeMutablePointer<Float>>
  package var channels: UnsafePointer<Float>
  package var relu: FusedReLU?

  package init(
    _ extent: NormExtent, x: NormMap<UnsafePointer<Float>>, out: NormMap<UnsafeMutablePointer<Float>>,
    channels: UnsafePointer<Float>, relu: FusedReLU?
  ) {
    self.extent = extent
    self.x = x
    self.out = out
    self.channels = channels
    self.relu = relu
  }
}

/// `dx = dout · a + ((x − mean) · b + c)` by channel, in two fused multiply-adds.
///
/// `channels` is [mean, a, b, c][lanes].
package struct NormalizationGradient {
  package var extent: NormExtent
  package var x: NormMap<UnsafePointer<Float>>
  package var dout: NormMap<UnsafePointer<Float>>
  package var dx: NormMap<UnsafeMutablePointer<Float>>
  package var channels: UnsafePointer<Float>

  package init(
    _ extent: NormExtent, x: NormMap<UnsafePointer<Float>>, dout: NormMap<UnsafePointer<Float>>,
    dx: NormMap<UnsafeMutablePointer<Float>>, channels: UnsafePointer<Float>
  ) {
    self.extent = extent
    self.x = x
    self.dout = dout
    self.dx = dx
    self.channels = channels
  }
}

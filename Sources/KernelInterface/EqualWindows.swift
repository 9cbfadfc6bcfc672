/// Gives equal windows of a convolution's input equal results, and windows of zeros exactly the bias.
///
/// Winograd's method computes a result from its whole tile, so the same window rounds differently in different tiles or
/// at different places of one; where an image is blank, ReLUs and the ties of max pools would then go by rounding.
/// Two results are made equal if they lie next to each other, left and right or above and below, and the bits of their
/// windows are equal, so whole areas become equal: each takes the value of its first result in row-major order.
package struct EqualWindows {
  package var images: Int
  /// Results per image.
  package var height: Int
  package var width: Int
  /// Rows and columns of a window: that of result (i, j) begins at `input + i·inputRow + j·channels`.
  package var taps: Int
  package var input: UnsafePointer<Float>
  package var inputImage: Int
  package var inputRow: Int
  /// Floats per pixel, a multiple of 16.
  package var channels: Int
  /// The results, after bias and ReLU.
  package var output: UnsafeMutablePointer<Float>
  package var outputImage: Int
  package var outputRow: Int
  /// Floats per result, a multiple of 16.
  package var filters: Int
  package var bias: UnsafePointer<Float>
  package var relu: FusedReLU?
  /// Memory for `scratchCount` integers, whose content does not matter before or after.
  package var scratch: UnsafeMutablePointer<Int32>

  package init(
    images: Int, height: Int, width: Int, taps: Int, input: UnsafePointer<Float>, inputImage: Int, inputRow: Int,
    channels: Int, output: UnsafeMutablePointer<Float>, outputImage: Int, outputRow: Int, filters: Int,
    bias: UnsafePointer<Float>, relu: FusedReLU?, scratch: UnsafeMutablePointer<Int32>
  ) {
    self.images = images
    self.height = height
    self.width = width
    self.taps = taps
    self.input = input
    self.inputImage = inputImage
    self.inputRow = inputRow
    self.channels = channels
    self.output = output
    self.outputImage = outputImage
    self.outputRow = outputRow
    self.filters = filters
    self.bias = bias
    self.relu = relu
    self.scratch = scratch
  }

  /// Rows and columns of pixels that windows cover.
  package var inputHeight: Int { height + taps - 1 }
  package var inputWidth: Int { width + taps - 1 }

  /// One for each pixel and one for each result of an image.
  package static func scratchCount(height: Int, width: Int, taps: Int) -> Int {
    (height + taps - 1) * (width + taps - 1) + height * width
  }
}

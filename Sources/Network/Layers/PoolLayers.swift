import KernelInterface

/// Patches of 2×2 pixels, side by side over the whole image.
final class PairPoolLayer: Layer {
  private let kind: PoolKind
  private let index: Int
  private let input: PlacedValue
  private let output: PlacedValue
  let memory: LayerMemory
  let algorithm = "elementwise"

  init(_ kind: PoolKind, _ place: LayerPlace) {
    self.kind = kind
    index = place.index
    input = place.input
    output = place.output
    var memory = LayerMemory()
    memory.maskPerImage =
      output.shape.height
      * PoolArguments.maskRow(outWidth: output.shape.width, channels: output.map.channelStride)
    self.memory = memory
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    pass.kernels.poolForward(
      kind, arguments(slice), pass.map(input, slice) + input.map.origin, pass.map(output, slice) + output.map.origin,
      pass.isInference ? nil : mask(pass, slice))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    pass.kernels.poolBackward(
      kind, arguments(slice), mask(pass, slice), pass.gradient(output, slice) + output.gradient.origin,
      pass.gradient(input, slice) + input.gradient.origin)
  }

  private func mask(_ pass: borrowing Pass, _ slice: ImageSlice) -> UnsafeMutablePointer<Int32> {
    pass.memory.masks[index] + (slice.first - slice.chunkStart) * memory.maskPerImage
  }

  private func arguments(_ slice: ImageSlice) -> PoolArguments {
    PoolArguments(
      images: slice.count, outHeight: output.shape.height, outWidth: output.shape.width,
      channels: input.map.channelStride, xRow: input.map.rowStride, xImage: input.map.imageStride,
      outRow: output.map.rowStride, outImage: output.map.imageStride, dxRow: input.gradient.rowStride,
      dxImage: input.gradient.imageStride, doutRow: output.gradient.rowStride,
      doutImage: output.gradient.imageStride, inputReLU: input.relu)
  }
}

/// Patches of any size, stride and zeros around.
final class WindowPoolLayer: Layer {
  private let kind: PoolKind
  private let index: Int
  private let input: PlacedValue
  private let output: PlacedValue
  private let arguments: WindowPoolArguments
  /// Every element of a mean receives its share, but for those that a ReLU masks.
  private let keepsMask: Bool
  let memory: LayerMemory
  let algorithm = "elementwise"

  init(_ kind: PoolKind, _ window: PlacedWindow, _ place: LayerPlace) {
    self.kind = kind
    index = place.index
    input = place.input
    output = place.output
    var arguments = WindowPoolArguments(
      images: 0, inHeight: input.shape.height, inWidth: input.shape.width, outHeight: output.shape.height,
      outWidth: output.shape.width, channels: input.map.channelStride, patchHeight: window.rows.taps,
      patchWidth: window.columns.taps, rowStep: window.rows.stride, columnStep: window.columns.stride,
      top: window.rows.before, left: window.columns.before)
    arguments.xRow = input.map.rowStride
    arguments.xImage = input.map.imageStride
    arguments.outRow = output.map.rowStride
    arguments.outImage = output.map.imageStride
    arguments.dxRow = input.gradient.rowStride
    arguments.dxImage = input.gradient.imageStride
    arguments.doutRow = output.gradient.rowStride
    arguments.doutImage = output.gradient.imageStride
    arguments.inputReLU = input.relu
    self.arguments = arguments
    keepsMask = kind != .average || input.relu != nil
    var memory = LayerMemory()
    memory.maskPerImage = keepsMask ? arguments.maskImage : 0
    self.memory = memory
  }

  private func arguments(_ slice: ImageSlice) -> WindowPoolArguments {
    var arguments = self.arguments
    arguments.images = slice.count
    return arguments
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    pass.kernels.windowPoolForward(
      kind, arguments(slice), pass.map(input, slice) + input.map.origin, pass.map(output, slice) + output.map.origin,
      pass.isInference ? nil : mask(pass, slice))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    pass.kernels.windowPoolBackward(
      kind, arguments(slice), mask(pass, slice).map { UnsafePointer($0) },
      pass.gradient(output, slice) + output.gradient.origin, pass.gradient(input, slice) + input.gradient.origin)
  }

  private func mask(_ pass: borrowing Pass, _ slice: ImageSlice) -> UnsafeMutablePointer<Int32>? {
    keepsMask ? pass.memory.masks[index] + (slice.first - slice.chunkStart) * memory.maskPerImage : nil
  }
}

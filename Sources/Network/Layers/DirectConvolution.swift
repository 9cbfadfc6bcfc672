import KernelInterface

/// The three passes of a convolution as plain sums over its kernel: over all channels, or of each channel by itself, channels
/// then being the lanes.
final class DirectConvolution: Layer {
  private let place: ConvolutionPlace
  private let isDepthwise: Bool
  private let sums: ConvolutionSums
  private let preparedOffset: Int
  /// The taps of each class of input pixels, in the order of their sum.
  private let positions: [[Int]]
  let memory: LayerMemory
  var algorithm: String { isDepthwise ? "depthwise" : "direct" }

  init(_ own: ConvolutionPlace, _ place: LayerPlace, isDepthwise: Bool) {
    self.place = own
    self.isDepthwise = isDepthwise
    func channels(_ map: MapLayout) -> ConvolutionSums.Channels {
      ConvolutionSums.Channels(
        lanes: map.channelStride, terms: isDepthwise ? 1 : map.channelStride,
        summed: isDepthwise ? 1 : map.shape.channels)
    }
    sums = ConvolutionSums(
      own, channels: channels(own.input.map), filters: channels(own.output.map),
      block: min(place.block, place.capacity.shard), sizes: place.sizes)
    preparedOffset = place.preparedOffset
    positions = own.needsInputGradient ? GradientClasses(own.window).classes.map { $0.positions(own.window) } : []
    var memory = LayerMemory()
    memory.shardSums = [own.weight.index] + own.bias.indices
    memory.prepared = positions.joined().count * sums.tapFloats
    self.memory = memory
  }

  /// What the input gradient reads: `[class][C/32][taps][K][32]`, or `[class][C/32][taps][32]` of each channel by itself; see
  /// `ConvolutionSums.inputGradient`.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let blocks = place.channelBlocks
    let source = weights + place.weight.offset
    var target = prepared + preparedOffset
    for taps in positions {
      let floats = taps.count * sums.tapFloats / blocks
      for block in blocks * part / parts..<blocks * (part + 1) / parts {
        let panel = target + block * floats
        if isDepthwise {
          for (number, position) in taps.enumerated() {
            (panel + number * 32).update(from: source + (block * place.positions + position) * 32, count: 32)
          }
        } else {
          place.transpose(
            source, taps, block: block, filters: 0..<place.filters, into: panel, filterStride: 32,
            positionStride: place.filters * 32)
        }
      }
      target += blocks * floats
    }
  }

  private func kernel(_ pass: borrowing Pass) -> ConvolutionSums.Kernel {
    isDepthwise ? pass.kernels.laneSum : pass.kernels.tileSum
  }

  /// What its kernel can prefetch; that of single channels computes too little to do so.
  private func ahead(_ pass: borrowing Pass) -> MapsAhead? { isDepthwise ? nil : pass.memory.ahead }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    sums.forward(
      kernel(pass), ahead(pass), slice.count, x: pass.map(place.input, slice),
      weights: pass.weights + place.weight.offset,
      bias: place.bias.values(pass), into: pass.map(place.output, slice))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    sums.weightGradient(
      kernel(pass), ahead(pass), slice.count, x: pass.map(place.input, slice), dz: pass.gradient(place.output, slice),
      accumulates: !slice.startsShard, into: pass.shardSum(of: place.weight, target))
    pass.endShardSum(of: place.weight, slice, target)
    place.bias.gradient(pass, place.output, slice, into: target)
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    sums.inputGradient(
      kernel(pass), ahead(pass), slice.count, dz: pass.gradient(place.output, slice),
      weights: pass.prepared + preparedOffset,
      mask: pass.mask(place.input, slice)?.output, into: pass.gradient(place.input, slice))
  }
}

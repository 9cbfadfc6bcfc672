import KernelInterface

/// The three passes of a convolution as plain sums over its kernel.
final class DirectConvolution: Layer {
  private let place: ConvolutionPlace
  private let sums: ConvolutionSums
  private let preparedOffset: Int
  /// The taps of each class of input pixels, in the order of their sum.
  private let positions: [[Int]]
  let memory: LayerMemory
  let algorithm = "direct"

  init(_ own: ConvolutionPlace, _ place: LayerPlace) {
    self.place = own
    sums = ConvolutionSums(
      own, channels: own.channels, filters: own.filters, block: min(place.block, place.capacity.shard),
      sizes: place.sizes)
    preparedOffset = place.preparedOffset
    positions = own.needsInputGradient ? GradientClasses(own.window).classes.map { $0.positions(own.window) } : []
    var memory = LayerMemory()
    memory.shardSums = [own.weight.index] + own.bias.indices
    memory.prepared = positions.joined().count * own.channelBlocks * 32 * own.filters
    self.memory = memory
  }

  /// What the input gradient reads: `[class][C/32][taps][K][32]`, see `ConvolutionSums.inputGradient`.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let blocks = place.channelBlocks
    var target = prepared + preparedOffset
    for taps in positions {
      let floats = taps.count * place.filters * 32
      for block in blocks * part / parts..<blocks * (part + 1) / parts {
        place.transpose(
          weights + place.weight.offset, taps, block: block, filters: 0..<place.filters,
          into: target + block * floats, filterStride: 32, positionStride: place.filters * 32)
      }
      target += blocks * floats
    }
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    sums.forward(
      pass.kernels, slice.count, x: pass.map(place.input, slice), weights: pass.weights + place.weight.offset,
      bias: place.bias.values(pass), place.epilogue, into: pass.map(place.output, slice))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    sums.weightGradient(
      pass.kernels, slice.count, x: pass.map(place.input, slice), dz: pass.gradient(place.output, slice),
      accumulates: !slice.startsShard, into: pass.shardSum(of: place.weight, target))
    pass.endShardSum(of: place.weight, slice, target)
    place.bias.gradient(pass, place.output, slice, into: target)
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    sums.inputGradient(
      pass.kernels, slice.count, dz: pass.gradient(place.output, slice), weights: pass.prepared + preparedOffset,
      channelLanes: place.channelBlocks * 32, mask: pass.mask(place.input, slice),
      into: pass.gradient(place.input, slice))
  }
}

import KernelInterface

/// What all ways to compute a convolution know about it.
struct ConvolutionPlace {
  let window: PlacedWindow
  let input: PlacedValue
  let output: PlacedValue
  let weight: PlacedParameter
  let bias: PlacedBias
  let relu: FusedReLU?
  let needsInputGradient: Bool
  let addsInputGradient: Bool

  init(_ window: PlacedWindow, _ place: LayerPlace) {
    self.window = window
    input = place.input
    output = place.output
    weight = place.parameters[0]
    bias = PlacedBias(place.parameters.count > 1 ? place.parameters[1] : nil, lanes: place.output.map.channelStride)
    relu = place.relu
    needsInputGradient = place.needsInputGradient[0]
    addsInputGradient = place.addsInputGradient[0]
  }

  var positions: Int { window.positions }
  /// Channels of input and output as the maps hold them.
  var channels: Int { input.map.channelStride }
  var filters: Int { output.map.channelStride }
  /// What ends the sums of the forward pass.
  var epilogue: Epilogue { relu == nil ? .bias : .biasReLU }
  /// Blocks of 32 input channels.
  var channelBlocks: Int { roundUp(channels, to: 32) / 32 }

  /// Turns some positions of `[K/32][position][C][32]` into lanes of channels, for a block of 32 channels and some filters.
  func transpose(
    _ source: UnsafePointer<Float>, _ positions: [Int], block: Int, filters: Range<Int>,
    into target: UnsafeMutablePointer<Float>, filterStride: Int, positionStride: Int
  ) {
    let rows = weight.parameter.rows
    for (number, position) in positions.enumerated() {
      let to = target + number * positionStride
      for lane in 0..<min(32, channels - block * 32) {
        let row = position * channels + block * 32 + lane
        for k in filters {
          to[(k - filters.lowerBound) * filterStride + lane] = source[(k / 32 * rows + row) * 32 + k % 32]
        }
      }
    }
  }
}

/// What a layer adds to its sums: its bias, or zeros where it has none.
struct PlacedBias: Sendable {
  let parameter: PlacedParameter?
  private let zeros: ZeroLanes

  init(_ parameter: PlacedParameter?, lanes: Int) {
    self.parameter = parameter
    zeros = ZeroLanes(parameter == nil ? lanes : 0)
  }

  /// Its number in the table of parameters, where it has one.
  var indices: [Int] { parameter.map { [$0.index] } ?? [] }

  func values(_ pass: borrowing Pass) -> UnsafePointer<Float> {
    if let parameter { pass.weights + parameter.offset } else { zeros.base }
  }

  /// Sums its gradient over a slice of a shard.
  func gradient(_ pass: borrowing Pass, _ output: PlacedValue, _ slice: ImageSlice, into target: GradientTarget) {
    if let parameter { pass.biasGradient(of: parameter, output, slice, target) }
  }
}

/// Zeros at a stable address.
///
/// Safe to share: nothing writes them after `init`.
private final class ZeroLanes: @unchecked Sendable {
  let base: UnsafePointer<Float>
  private let memory: UnsafeMutablePointer<Float>

  init(_ count: Int) {
    memory = .allocate(capacity: max(count, 1))
    memory.initialize(repeating: 0, count: max(count, 1))
    base = UnsafePointer(memory)
  }

  deinit { memory.deallocate() }
}

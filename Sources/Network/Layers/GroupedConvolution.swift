import KernelInterface

/// The three passes of a convolution in groups, bundle by bundle as convolutions over all channels; see `ChannelBundles`.
final class GroupedConvolution: Layer {
  private let index: Int
  private let place: ConvolutionPlace
  private let bundles: ChannelBundles
  /// By bundle; those of the same size share one.
  private let sums: [ConvolutionSums]
  private let preparedOffset: Int
  /// The taps of the classes of input pixels, one class after the other.
  private let positions: [[Int]]
  let memory: LayerMemory
  let algorithm = "grouped"

  init(_ own: ConvolutionPlace, _ bundles: ChannelBundles, _ place: LayerPlace) {
    index = place.index
    self.place = own
    self.bundles = bundles
    var made: [ConvolutionSums] = []
    for (number, bundle) in bundles.all.enumerated() {
      let (channels, filters) = (bundle.channels.count, bundle.filters.count)
      let isLikeFirst = channels == bundles.all[0].channels.count && filters == bundles.all[0].filters.count
      made.append(
        number > 0 && isLikeFirst
          ? made[0]
          : ConvolutionSums(
            own, channels: ConvolutionSums.Channels(lanes: channels, terms: channels),
            filters: ConvolutionSums.Channels(lanes: filters, terms: filters),
            block: min(place.block, place.capacity.shard), sizes: place.sizes))
    }
    sums = made
    preparedOffset = place.preparedOffset
    positions = own.needsInputGradient ? GradientClasses(own.window).classes.map { $0.positions(own.window) } : []
    let backwardTaps = positions.joined().count
    var memory = LayerMemory()
    memory.shardSums = own.bias.indices
    for (bundle, sums) in zip(bundles.all, made) {
      memory.kept += Self.forwardFloats(own, bundle)
      memory.prepared += Self.forwardFloats(own, bundle) + backwardTaps * sums.tapFloats
    }
    self.memory = memory
  }

  /// Floats of a bundle's weights, or of their gradient: `[K/32][position][C][32]`, channels and filters of the bundle.
  private static func forwardFloats(_ place: ConvolutionPlace, _ bundle: ChannelBundles.Bundle) -> Int {
    roundUp(bundle.filters.count, to: 32) * place.positions * bundle.channels.count
  }

  /// Calls `body` for each bundle: its number, where its weights for the forward pass start among all bundles', and where
  /// those for the input gradient do.
  @inline(__always)
  private func forEachBundle(_ body: (_ number: Int, ChannelBundles.Bundle, _ forward: Int, _ backward: Int) -> Void) {
    var (forward, backward) = (0, memory.kept)
    for (number, bundle) in bundles.all.enumerated() {
      body(number, bundle, forward, backward)
      forward += Self.forwardFloats(place, bundle)
      for taps in positions { backward += taps.count * sums[number].tapFloats }
    }
  }

  /// Calls `body` for the filters of a group over one of its channels: the group's filters and channel in the bundle, and the
  /// first filter and channel of the parameter.
  @inline(__always)
  private func forEachGroup(
    _ bundle: ChannelBundles.Bundle, _ body: (_ filter: Int, _ channel: Int, _ own: Int) -> Void
  ) {
    for group in bundle.groups {
      for channel in 0..<bundles.channels {
        for filter in 0..<bundles.filters {
          body(
            group * bundles.filters + filter, group * bundles.channels + channel - bundle.channels.lowerBound, channel)
        }
      }
    }
  }

  /// Where the weight of filter `filter`, a position and a channel of the filter's group lies in the parameter.
  private func packed(_ filter: Int, _ position: Int, _ channel: Int) -> Int {
    (filter / 32 * place.weight.parameter.rows + position * bundles.channels + channel) * 32 + filter % 32
  }

  /// Writes the bundles' weights with zeros between groups, for the forward pass and by class for the input gradient.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let source = weights + place.weight.offset
    forEachBundle { number, bundle, forward, backward in
      guard number % parts == part else { return }
      let (channels, filters) = (bundle.channels.count, bundle.filters.count)
      var target = prepared + preparedOffset + forward
      target.update(repeating: 0, count: Self.forwardFloats(place, bundle))
      forEachGroup(bundle) { filter, channel, own in
        let k = filter - bundle.filters.lowerBound
        for position in 0..<place.positions {
          target[(k / 32 * place.positions * channels + position * channels + channel) * 32 + k % 32] =
            source[packed(filter, position, own)]
        }
      }
      target = prepared + preparedOffset + backward
      for taps in positions {
        target.update(repeating: 0, count: taps.count * sums[number].tapFloats)
        forEachGroup(bundle) { filter, channel, own in
          let k = filter - bundle.filters.lowerBound
          for (tap, position) in taps.enumerated() {
            target[((channel / 32 * taps.count + tap) * filters + k) * 32 + channel % 32] =
              source[packed(filter, position, own)]
          }
        }
        target += taps.count * sums[number].tapFloats
      }
    }
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (x, out, bias) = (pass.map(place.input, slice), pass.map(place.output, slice), place.bias.values(pass))
    forEachBundle { number, bundle, forward, _ in
      let (channel, filter) = (bundle.channels.lowerBound, bundle.filters.lowerBound)
      sums[number].forward(
        pass.kernels.tileSum, pass.memory.ahead, slice.count, x: x + channel,
        weights: pass.prepared + preparedOffset + forward,
        bias: bias + filter, into: out + filter)
    }
  }

  /// The bundles' sums are kept until a shard ends; what lies between groups is then left out.
  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    let (x, dz, kept) = (pass.map(place.input, slice), pass.gradient(place.output, slice), pass.memory.kept[index])
    let weight = target.flat + place.weight.offset
    forEachBundle { number, bundle, start, _ in
      sums[number].weightGradient(
        pass.kernels.tileSum, pass.memory.ahead, slice.count, x: x + bundle.channels.lowerBound,
        dz: dz + bundle.filters.lowerBound,
        accumulates: !slice.startsShard, into: kept + start)
      guard slice.endsShard else { return }
      let channels = bundle.channels.count
      forEachGroup(bundle) { filter, channel, own in
        let k = filter - bundle.filters.lowerBound
        for position in 0..<place.positions {
          let sum =
            kept[start + (k / 32 * place.positions * channels + position * channels + channel) * 32 + k % 32]
          let at = packed(filter, position, own)
          weight[at] = target.addsShard ? weight[at] + sum : sum
        }
      }
    }
    place.bias.gradient(pass, place.output, slice, into: target)
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (dz, dx, mask) = (
      pass.gradient(place.output, slice), pass.gradient(place.input, slice), pass.mask(place.input, slice)?.output
    )
    forEachBundle { number, bundle, _, backward in
      let channel = bundle.channels.lowerBound
      sums[number].inputGradient(
        pass.kernels.tileSum, pass.memory.ahead, slice.count, dz: dz + bundle.filters.lowerBound,
        weights: pass.prepared + preparedOffset + backward, mask: mask.map { $0 + channel }, into: dx + channel)
    }
  }
}

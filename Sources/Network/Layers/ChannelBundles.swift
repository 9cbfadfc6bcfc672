import KernelInterface

/// The groups of a convolution in bundles that are computed together, as a tile's lanes come in sixteens.
///
/// A bundle is as few groups as have whole sixteens of channels and of filters; the last one may reach to the end of the
/// pixel. Between groups of a bundle weights are 0, so that adding those products changes no bit.
struct ChannelBundles: Hashable, Sendable {
  struct Bundle: Hashable, Sendable {
    let groups: Range<Int>
    /// Channels and filters of the maps, padding included.
    let channels: Range<Int>
    let filters: Range<Int>
  }

  /// Channels and filters of a group.
  let channels: Int
  let filters: Int
  let all: [Bundle]

  /// `channelStride` and `filterStride` are those of the maps.
  init(_ groups: Int, channels: Int, filters: Int, channelStride: Int, filterStride: Int) {
    let (perGroup, filtersPerGroup) = (channels / groups, filters / groups)
    self.channels = perGroup
    self.filters = filtersPerGroup
    // The smallest number of groups whose channels, and whose filters, are a multiple of 16: a power of two.
    var size = 1
    while size < 16, (size * perGroup) % 16 != 0 || (size * filtersPerGroup) % 16 != 0 { size *= 2 }
    all = stride(from: 0, to: groups, by: size).map { first in
      let end = min(first + size, groups)
      return Bundle(
        groups: first..<end, channels: first * perGroup..<(end == groups ? channelStride : end * perGroup),
        filters: first * filtersPerGroup..<(end == groups ? filterStride : end * filtersPerGroup))
    }
  }

  /// Channels of the largest bundle.
  var largest: Int { all.map(\.channels.count).max() ?? 0 }
}

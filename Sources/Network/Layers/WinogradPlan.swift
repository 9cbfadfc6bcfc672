import KernelInterface

/// How one convolution is computed by Winograd's method: tiles, groups and scratch.
struct WinogradPlan {
  var size: WinogradSize
  private let window: PlacedWindow
  /// Tiles over the output, for the forward pass and the weight gradient.
  var outputTileRows: Int
  var outputTileColumns: Int
  /// Tiles over the input, for the input gradient.
  var inputTileRows: Int
  var inputTileColumns: Int
  /// Input and output channels as the maps hold them, multiples of 16.
  var channels: Int
  var filters: Int
  /// About how many tiles are transformed and multiplied at a time.
  private let tilesPerGroup: Int
  /// Tiles transformed and multiplied at a time.
  private(set) var group = 0
  /// Tiles of the largest shard.
  private var shardTiles = 0
  /// Rows of the batched products: tile t at `t · channels`, `t · filters`; channel c as `blockStep` says, and at 32·c.
  private(set) var tilesOfChannels = OffsetTable([])
  private(set) var tilesOfFilters = OffsetTable([])
  private(set) var channelRows = OffsetTable([])
  var sumRows: OffsetTable

  /// Tiles over `pixels` rows or columns.
  private static func tiles(_ pixels: Int) -> Int { (pixels + WinogradSize.outputs - 1) / WinogradSize.outputs }

  /// Products of one image in the direct method over those in the transform domain.
  private static func saving(_ size: WinogradSize, height: Int, width: Int) -> Double {
    let tiles = tiles(height) * tiles(width)
    return Double(height * width * size.taps * size.taps) / Double(size.products * tiles)
  }

  /// The plan of a convolution, `nil` if it is computed directly.
  ///
  /// The rule of `auto`, the same on every machine: kernels of 3×3 and 5×5, at least 16 input and output channels
  /// (transforms cost C + K where products cost C·K, eight times as much then), and at least twice fewer products over the
  /// tiles.
  /// `winograd` takes any shape with such a kernel; a first convolution's pixels are then padded to whole vectors.
  init?(
    _ algorithm: ConvolutionAlgorithm, _ size: WinogradSize, _ window: PlacedWindow, input: MapLayout,
    output: ImageShape, sizes: BlockSizes
  ) {
    guard input.channelStride.isMultiple(of: 16) else { return nil }
    let channels = input.shape.channels
    let filters = output.channels
    switch algorithm {
    case .direct: return nil
    case .winograd: break
    case .auto:
      guard channels >= 16, filters >= 16, Self.saving(size, height: output.height, width: output.width) >= 2 else {
        return nil
      }
    }
    self.size = size
    self.window = window
    tilesPerGroup = sizes.tilesPerGroup
    outputTileRows = Self.tiles(output.height)
    outputTileColumns = Self.tiles(output.width)
    inputTileRows = Self.tiles(input.shape.height)
    inputTileColumns = Self.tiles(input.shape.width)
    self.channels = input.channelStride
    self.filters = roundUp(filters, to: 16)
    sumRows = OffsetTable(count: self.channels, stride: 32)
  }

  /// Images that make a group of tiles: the transformed weights are read once per group.
  var imagesPerGroup: Int { (tilesPerGroup + tilesPerImage - 1) / tilesPerImage }
  private var tilesPerImage: Int { outputTileRows * outputTileColumns }

  /// Decides on groups: all tiles of a block, or equal parts of about `tilesPerGroup`. Changes speed only.
  mutating func setGroups(imagesPerBlock: Int, imagesPerShard: Int) {
    let tiles = imagesPerBlock * tilesPerImage
    let groups = max(1, (tiles + tilesPerGroup / 2) / tilesPerGroup)
    group = roundUp((tiles + groups - 1) / groups, to: 8)
    shardTiles = imagesPerShard * tilesPerImage
    tilesOfChannels = OffsetTable(count: group, stride: channels)
    tilesOfFilters = OffsetTable(count: group, stride: filters)
    let step = blockStep(of: channels)
    channelRows = OffsetTable((0..<channels).map { step == 0 ? $0 : $0 / 32 * step + $0 % 32 })
  }

  /// Floats from 32 channels of a group's tiles to the next, as the weight gradient, which sums over tiles, has them; 0 where
  /// there are no more than 32. See `WinogradTiles.blockStep`.
  func blockStep(of channels: Int) -> Int { channels > 32 ? 32 * group : 0 }
  /// Floats from a tile's channels to the next tile's, there.
  func tileStep(of channels: Int) -> Int { min(channels, 32) }
  /// Floats from one of its planes to the next; where the last 32 channels are 16, the others' place stays empty.
  func summedPlane(of channels: Int) -> Int { group * (channels > 32 ? roundUp(channels, to: 32) : channels) + 16 }

  /// Floats from one of the planes of tiles to the next, kept off multiples of the cache's set stride.
  var channelPlane: Int { group * channels + 16 }
  var filterPlane: Int { group * filters + 16 }
  /// Floats from one of the planes of weights to the next.
  var forwardWeightPlane: Int { roundUp(filters, to: 32) * channels }
  var backwardWeightPlane: Int { roundUp(channels, to: 32) * filters }
  /// The sums of the weight gradient, `[products][K/32][C][32]`, or those of 32 filters where none are kept.
  var sumPlane: Int { (shardTiles > group ? roundUp(filters, to: 32) : 32) * channels + 16 }
  /// Floats of sums that are kept until a shard of more than one group ends.
  var keptSums: Int { shardTiles > group ? size.products * sumPlane : 0 }
  /// Scratch floats of the largest pass.
  var scratchFloats: Int {
    size.products
      * (summedPlane(of: channels) + summedPlane(of: filters) + (shardTiles > group ? 0 : sumPlane)) + 64
  }

  /// Integers for comparing the windows of an image.
  var windowScratch: Int {
    EqualWindows.scratchCount(height: window.rows.results, width: window.columns.results, taps: size.taps)
  }

  /// Results before the first pixel that the input gradient reads.
  var early: Extent { Extent(size.taps - 1 - window.rows.before, size.taps - 1 - window.columns.before) }

  /// Makes room for tiles at the edge, which reach further than the kernel.
  func extend(_ demands: inout LayerDemands, _ needsInputGradient: Bool) {
    // Zero rows (columns) that tiles read after `extent` pixels which start `before` pixels early.
    func after(_ tiles: Int, _ before: Int, _ extent: Int) -> Int {
      max(0, tiles * WinogradSize.outputs + size.taps - 1 - before - extent)
    }
    let (rows, columns) = (window.rows, window.columns)
    var reach = Halo(
      bottom: after(outputTileRows, rows.before, rows.pixels),
      right: after(outputTileColumns, columns.before, columns.pixels))
    demands.inputHalo.extend(to: reach)
    reach = Halo(
      bottom: outputTileRows * WinogradSize.outputs - rows.results,
      right: outputTileColumns * WinogradSize.outputs - columns.results)
    demands.gradientHalo.extend(to: reach)
    guard needsInputGradient else { return }
    reach = Halo(
      bottom: after(inputTileRows, early.height, rows.results),
      right: after(inputTileColumns, early.width, columns.results))
    demands.gradientHalo.extend(to: reach)
  }
}

extension WinogradSize {
  /// The algorithm for a square kernel; `nil` if there is none.
  init?(kernelSize: Int) {
    switch kernelSize {
    case 3: self = .f4k3
    case 5: self = .f4k5
    default: return nil
    }
  }
}

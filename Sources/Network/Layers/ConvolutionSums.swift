import KernelInterface

/// The tile sums of a convolution's three passes, over as many images as are worth a call: of all its channels, of a bundle
/// of groups, or of each channel by itself.
///
/// Rows of the tiles are the pixels of one or several images in the forward pass and in the input gradient, and the
/// kernel's (a, b, c) in the weight gradient. Strides and dilation are in tables of offsets and in the steps of the loops,
/// so no pass costs more per product than that of a plain convolution.
struct ConvolutionSums {
  /// Channels of a pixel on one side, those of a map from a first one on.
  struct Channels {
    /// How many results they are, a multiple of 16 but on the side of unpadded images.
    var lanes: Int
    /// How many belong to one result of the other side: all, or 1 where each channel is by itself.
    var terms: Int
    /// How many of these are channels: the others, which fill up a vector, are zeros, as are their weights. Nothing is computed with
    /// or for them; the weights' gradient is 0 from the start.
    var summed: Int

    init(lanes: Int, terms: Int, summed: Int? = nil) {
      self.lanes = lanes
      self.terms = terms
      self.summed = summed ?? terms
    }
  }

  private let window: PlacedWindow
  private let relu: FusedReLU?
  private let inputReLU: FusedReLU?
  private let input: MapLayout
  private let dInput: MapLayout
  private let output: MapLayout
  private let dOutput: MapLayout
  private let channels: Channels
  private let filters: Channels
  private let termsPerBlock: Int
  /// Weights that stay in the second-level cache beside a part of an image: they take a quarter of it.
  private let mostWeights: Int
  /// Images of a call.
  private let images: Int
  /// Whether taps over the zeros around an image are left out.
  private let isCut: Bool
  /// Rows of the forward pass, of the weight gradient and of the input gradient.
  private let outputs: [PixelRegion]
  private let taps: [TapRegion]
  private let inputs: [PixelRegion]

  /// `KernelTable.tileSum`, or `laneSum` where each channel is by itself.
  typealias Kernel = @Sendable (TileSum) -> Void

  /// Floats of the weights of one tap, as the input gradient reads them.
  var tapFloats: Int { roundUp(channels.lanes, to: 32) * filters.terms }

  /// Pixels that make a call worth while: a panel of weights is read once per call, and used for each of them.
  private static let pixelsPerCall = 256

  /// Where so many images are summed together and at most this share of the taps is over pixels, the others are left out.
  /// Their products are zeros, which change no sum; but an image's borders are rows of their own then.
  private static let imagesPerCut = 8
  private static let shareCut = 0.7

  /// Images that make a block worth while: by what they write, and by how often they use a line of weights.
  static func imagesPerBlock(_ site: LayerSite) -> Int {
    let pixels = site.output.height * site.output.width
    return max(
      (site.sizes.mapBytes - 1) / (4 * site.outputMap.imageStride) + 1,
      (site.sizes.tilesPerGroup - 1) / pixels + 1)
  }

  init(_ place: ConvolutionPlace, channels: Channels, filters: Channels, block: Int, sizes: BlockSizes) {
    window = place.window
    (relu, inputReLU) = (place.relu, place.input.relu)
    (input, dInput) = (place.input.map, place.input.gradient)
    (output, dOutput) = (place.output.map, place.output.gradient)
    self.channels = channels
    self.filters = filters
    termsPerBlock = sizes.termsPerBlock
    mostWeights = sizes.mapBytes
    let images = max(1, min(block, Self.pixelsPerCall / (output.shape.height * output.shape.width)))
    self.images = images
    isCut = channels.terms > 1 && images >= Self.imagesPerCut && window.shareInside <= Self.shareCut
    outputs = PixelRegion.outputs(place, images: images, isCut: isCut)
    taps = TapRegion.kernel(place, channels, isCut: isCut)
    inputs = place.needsInputGradient ? PixelRegion.inputs(place, images: images, isCut: isCut) : []
  }

  /// `out = Σ_a Σ_b Σ_c X · W + bias`, with the ReLU that the layer applies, summed in the order a, b, c; `weights` is `[K/32][a][b][C][32]`.
  ///
  /// All passes are given the starts of their slice's first image, how many images it has, and what lies ahead.
  func forward(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    var sum = TileSum(
      a: x, aOffsets: outputs[0].sources.base, b: weights, out: out, outOffsets: outputs[0].targets.base)
    sum.lanes = filters.lanes
    sum.bias = bias
    sum.epilogue = relu == nil ? .bias : .biasReLU
    sum.relu = relu ?? .unlimited
    sum.inner = channels.summed
    add(outputs, kernel, ahead, count, sum, terms: channels.terms, tapFloats: 0, from: input, to: output)
  }

  /// `dW[a,b,c,k] = Σ_n Σ_i Σ_j dZ[n,i,j,k] · X[n, i·s + a·d − before, …, c]` as `[K/32][a][b][C][32]`; goes on with what is
  /// there on request.
  func weightGradient(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, x: UnsafePointer<Float>, dz: UnsafePointer<Float>,
    accumulates: Bool,
    into target: UnsafeMutablePointer<Float>
  ) {
    for region in taps {
      var sum = TileSum(
        a: x, aOffsets: region.sources.base, b: dz + region.first, out: target, outOffsets: region.targets.base)
      sum.rows = region.sources.count
      sum.lanes = filters.lanes
      sum.outBlock = window.positions * channels.terms * 32
      sum.outer = count
      sum.middle = region.results.height
      sum.inner = region.results.width
      sum.aOuter = input.imageStride
      sum.aMiddle = window.rows.stride * input.rowStride
      sum.aInner = window.columns.stride * input.channelStride
      sum.bOuter = dOutput.imageStride
      sum.bMiddle = dOutput.rowStride
      sum.bInner = dOutput.channelStride
      if accumulates { sum.epilogue = .accumulate }
      sum.termsPerBlock = termsPerBlock
      sum.mergeLoops()
      sum.takeAhead(ahead)
      kernel(sum)
    }
  }

  /// `dX` of every pixel, from the taps that reach it: summed over a and b descending, then k, class by class.
  ///
  /// `weights` is `[class][C/32][taps][K][32]`, classes and taps as `GradientClasses` orders them.
  func inputGradient(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, dz: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    mask: UnsafePointer<Float>?, into target: UnsafeMutablePointer<Float>
  ) {
    guard let first = inputs.first else { return }
    var sum = TileSum(a: dz, aOffsets: first.sources.base, b: weights, out: target, outOffsets: first.targets.base)
    sum.lanes = channels.lanes
    sum.mask = mask
    if let inputReLU {
      sum.epilogue = .reluGradient
      sum.relu = inputReLU
    }
    sum.inner = filters.summed
    add(inputs, kernel, ahead, count, sum, terms: filters.terms, tapFloats: tapFloats, from: dOutput, to: dInput)
  }

  /// The sums of all regions; `sum` has what they share. `terms` are those of a tap in the weights' panels, `tapFloats` what it takes
  /// of them.
  private func add(
    _ regions: [PixelRegion], _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, _ sum: TileSum, terms: Int,
    tapFloats: Int, from source: MapLayout, to target: MapLayout
  ) {
    // Where several regions read a panel of weights, they do so one after the other.
    let lanes = isCut ? 32 : sum.lanes
    for lane in stride(from: 0, to: sum.lanes, by: lanes) {
      for region in regions {
        var part = sum
        part.lanes = min(lanes, sum.lanes - lane)
        part.aOffsets = region.sources.base
        part.outOffsets = region.targets.base
        part.maskOffsets = region.masks?.base
        part.outer = region.taps.height
        part.middle = region.taps.width
        part.aOuter = region.steps.height * source.rowStride
        part.aMiddle = region.steps.width * source.channelStride
        part.bMiddle = terms * 32
        part.bOuter = region.panel.taps.width * part.bMiddle
        part.bBlock = region.panel.taps.count * part.bMiddle
        part.b += region.panel.tapsBefore * tapFloats + region.firstTap * part.bMiddle + lane / 32 * part.bBlock
        part.out += lane
        part.bias = sum.bias.map { $0 + lane }
        part.mask = sum.mask.map { $0 + lane }
        part.termsPerBlock = termsPerBlock
        part.mergeLoops()
        let pixels = region.targets.count / images
        forEachCall(count) { images in
          let rows = images * pixels
          forEachPart(rows, of: part) { first, count in
            var part = part
            part.rows = count
            part.aOffsets += first
            part.outOffsets += first
            part.maskOffsets = part.maskOffsets.map { $0 + first }
            part.takeAhead(ahead)
            kernel(part)
          }
          part.a += images * source.imageStride
          part.out += images * target.imageStride
          part.mask = part.mask.map { $0 + images * input.imageStride }
        }
      }
    }
  }

  /// Cuts the pixels of a large image into parts of about as many as make a call worth while, so that what all lanes read of a part
  /// is still in the second-level cache; not where the weights would have to be read from beyond it each time. Sums of each channel by
  /// itself are cut by their kernel.
  @inline(__always)
  private func forEachPart(_ rows: Int, of sum: TileSum, _ body: (_ first: Int, _ count: Int) -> Void) {
    let weights = sum.outer * sum.middle * sum.inner * sum.lanes
    let isWhole = channels.terms == 1 || weights > mostWeights
    let parts = isWhole ? 1 : (rows + Self.pixelsPerCall - 1) / Self.pixelsPerCall
    // Parts are whole tiles of eight rows.
    let count = parts > 1 ? roundUp((rows + parts - 1) / parts, to: 8) : rows
    var first = 0
    while first < rows {
      body(first, min(count, rows - first))
      first += count
    }
  }

  @inline(__always)
  private func forEachCall(_ count: Int, _ body: (_ images: Int) -> Void) {
    var left = count
    while left > 0 {
      body(min(images, left))
      left -= images
    }
  }
}

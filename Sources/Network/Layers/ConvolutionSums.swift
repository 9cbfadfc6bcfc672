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
    /// How many are summed into one result of the other side: all, or 1 where each channel is by itself.
    var terms: Int
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
  /// Images of a call.
  private let images: Int
  /// Rows of the forward pass: the pixels of the output.
  private let forwardInput: OffsetTable
  private let forwardOutput: OffsetTable
  /// Rows of the weight gradient: (a, b, c) of the kernel.
  private let weightRows: OffsetTable
  private let weightOutput: OffsetTable
  /// By class of the input's pixels; the last has the pixels that no tap reaches, and no terms.
  private let gradients: [GradientRows]

  /// Rows of the input gradient: the pixels of one class.
  private struct GradientRows {
    let sources: OffsetTable
    let targets: OffsetTable
    /// Where the ReLU mask of each row lies in the input map.
    let masks: OffsetTable
    let taps: Extent
    /// Results from one tap to the next.
    let steps: Extent
    /// Taps of the classes before it.
    let tapsBefore: Int
  }

  /// `KernelTable.tileSum`, or `laneSum` where each channel is by itself.
  typealias Kernel = @Sendable (TileSum) -> Void

  /// Floats of the weights of one tap, as the input gradient reads them.
  var tapFloats: Int { roundUp(channels.lanes, to: 32) * filters.terms }

  /// Pixels that make a call worth while: a panel of weights is read once per call, and used for each of them.
  private static let pixelsPerCall = 256

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
    let images = max(1, min(block, Self.pixelsPerCall / (output.shape.height * output.shape.width)))
    self.images = images
    forwardInput = OffsetTable(window.results(in: input), images: images, in: input)
    forwardOutput = OffsetTable(output.pixelOffsets, images: images, in: output)
    let start = window.start(in: input)
    weightRows = OffsetTable(window.taps(in: input).flatMap { tap in (0..<channels.terms).map { start + tap + $0 } })
    weightOutput = OffsetTable(count: weightRows.count, stride: 32)
    gradients = place.needsInputGradient ? Self.gradientRows(place, images) : []
  }

  private static func gradientRows(_ place: ConvolutionPlace, _ images: Int) -> [GradientRows] {
    let (input, dInput, dOutput) = (place.input.map, place.input.gradient, place.output.gradient)
    let all = GradientClasses(place.window)
    var rows: [GradientRows] = []
    var taps = 0
    func add(_ sources: [Int], _ pixels: (MapLayout) -> [Int], taps count: Extent, steps: Extent) {
      rows.append(
        GradientRows(
          sources: OffsetTable(sources, images: images, in: dOutput),
          targets: OffsetTable(pixels(dInput), images: images, in: dInput),
          masks: OffsetTable(pixels(input), images: images, in: input), taps: count, steps: steps, tapsBefore: taps))
      taps += count.count
    }
    for one in all.classes {
      add(
        one.sources(in: dOutput), { one.pixels(in: $0, place.window) },
        taps: Extent(one.rows.taps.count, one.columns.taps.count), steps: Extent(one.rows.step, one.columns.step))
    }
    let bare = all.barePixels(in: dInput).count
    if bare > 0 {
      add(
        [Int](repeating: 0, count: bare), { all.barePixels(in: $0) }, taps: Extent(0), steps: Extent(0))
    }
    return rows
  }

  /// `out = Σ_a Σ_b Σ_c X · W + bias`, with the ReLU that the layer applies, summed in the order a, b, c; `weights` is `[K/32][a][b][C][32]`.
  ///
  /// All passes are given the starts of their slice's first image, how many images it has, and what lies ahead.
  func forward(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    var sum = TileSum(
      a: x, aOffsets: forwardInput.base, b: weights, out: out, outOffsets: forwardOutput.base)
    sum.lanes = filters.lanes
    sum.outer = window.rows.taps
    sum.middle = window.columns.taps
    sum.inner = channels.terms
    sum.aOuter = window.rows.dilation * input.rowStride
    sum.aMiddle = window.columns.dilation * input.channelStride
    sum.bMiddle = sum.inner * 32
    sum.bOuter = sum.middle * sum.bMiddle
    sum.bBlock = sum.outer * sum.bOuter
    sum.bias = bias
    sum.epilogue = relu == nil ? .bias : .biasReLU
    sum.relu = relu ?? .unlimited
    sum.termsPerBlock = termsPerBlock
    sum.mergeLoops()
    let pixels = output.shape.height * output.shape.width
    forEachCall(count) { images in
      sum.rows = images * pixels
      sum.takeAhead(ahead)
      kernel(sum)
      sum.a += images * input.imageStride
      sum.out += images * output.imageStride
    }
  }

  /// `dW[a,b,c,k] = Σ_n Σ_i Σ_j dZ[n,i,j,k] · X[n, i·s + a·d − before, …, c]` as `[K/32][a][b][C][32]`; goes on with what is
  /// there on request.
  func weightGradient(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, x: UnsafePointer<Float>, dz: UnsafePointer<Float>,
    accumulates: Bool,
    into target: UnsafeMutablePointer<Float>
  ) {
    var sum = TileSum(
      a: x, aOffsets: weightRows.base, b: dz + dOutput.origin, out: target, outOffsets: weightOutput.base)
    sum.rows = weightRows.count
    sum.lanes = filters.lanes
    sum.outBlock = sum.rows * 32
    sum.outer = count
    sum.middle = dOutput.shape.height
    sum.inner = dOutput.shape.width
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

  /// `dX` of every pixel, from the taps that reach it: summed over a and b descending, then k, class by class.
  ///
  /// `weights` is `[class][C/32][taps][K][32]`, classes and taps as `GradientClasses` orders them.
  func inputGradient(
    _ kernel: Kernel, _ ahead: MapsAhead?, _ count: Int, dz: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    mask: UnsafePointer<Float>?, into target: UnsafeMutablePointer<Float>
  ) {
    for rows in gradients {
      var sum = TileSum(
        a: dz, aOffsets: rows.sources.base, b: weights + rows.tapsBefore * tapFloats, out: target,
        outOffsets: rows.targets.base)
      sum.mask = mask
      if let inputReLU {
        sum.epilogue = .reluGradient
        sum.relu = inputReLU
        sum.maskOffsets = rows.masks.base
      }
      sum.lanes = channels.lanes
      sum.outer = rows.taps.height
      sum.middle = rows.taps.width
      sum.inner = filters.terms
      sum.aOuter = rows.steps.height * dOutput.rowStride
      sum.aMiddle = rows.steps.width * dOutput.channelStride
      sum.bMiddle = sum.inner * 32
      sum.bOuter = sum.middle * sum.bMiddle
      sum.bBlock = sum.outer * sum.bOuter
      sum.termsPerBlock = termsPerBlock
      sum.mergeLoops()
      let pixels = rows.targets.count / images
      forEachCall(count) { images in
        sum.rows = images * pixels
        sum.takeAhead(ahead)
        kernel(sum)
        sum.a += images * dOutput.imageStride
        sum.out += images * dInput.imageStride
        sum.mask = sum.mask.map { $0 + images * input.imageStride }
      }
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

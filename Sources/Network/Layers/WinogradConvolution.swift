import KernelInterface

/// The three passes of a convolution in the transform domain, see `WinogradPlan`.
///
///     forward         Z  = Aᵀ[ U ⊙ BᵀXB ]A          U = GWGᵀ, 36 (F = 3) or 64 (F = 5) products of [tiles, C] × [C, K]
///     input gradient  dX = Aᵀ[ U' ⊙ BᵀdZB ]A        U' of the flipped kernel, [tiles, K] × [K, C]
///     weight gradient dW = Gᵀ[ Σ BᵀXB ⊙ AdZAᵀ ]G    as many products of [C, tiles] × [tiles, K]
///
/// Equal windows beside each other are given equal results, see `EqualWindows`.
///
/// Order of summation: channels ascending in the products, tiles ascending (examples, then row-major) in the weight gradient.
final class WinogradConvolution: Layer {
  private let index: Int
  private let place: ConvolutionPlace
  /// The taps of the flipped kernel.
  private let positions: [Int]
  private let plan: WinogradPlan
  private let termsPerBlock: Int
  /// Starts of the transformed weights for the forward pass and for the input gradient.
  private let preparedForward: Int
  private let preparedBackward: Int
  let memory: LayerMemory
  let algorithm = "winograd"

  init(_ own: ConvolutionPlace, _ wholePlan: WinogradPlan, _ place: LayerPlace) {
    var plan = wholePlan
    plan.setGroups(imagesPerBlock: min(place.block, place.capacity.shard), imagesPerShard: place.capacity.shard)
    self.plan = plan
    index = place.index
    self.place = own
    positions = (0..<own.positions).reversed()
    termsPerBlock = place.sizes.termsPerBlock
    preparedForward = place.preparedOffset
    let forward = plan.size.products * plan.forwardWeightPlane
    preparedBackward = place.preparedOffset + forward
    var memory = LayerMemory()
    memory.prepared = forward + (own.needsInputGradient ? plan.size.products * plan.backwardWeightPlane : 0)
    memory.scratch = max(plan.scratchFloats, 16 * own.positions * 32, plan.windowScratch)
    memory.kept = plan.keptSums
    memory.shardSums = own.bias.indices
    self.memory = memory
  }

  /// `GWGᵀ` as `[products][K/32][C][32]`, and of the flipped kernel as `[products][C/32][K][32]`.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let weight = place.weight.parameter
    let source = weights + weight.offset
    for block in weight.blocks * part / parts..<weight.blocks * (part + 1) / parts {
      kernels.winogradKernel(
        WinogradKernel(
          size: plan.size, count: plan.channels,
          taps: UnsafeMutablePointer(mutating: source + block * weight.rows * 32), tap: plan.channels * 32,
          tapStep: 32, domain: prepared + preparedForward + block * plan.channels * 32,
          plane: plan.forwardWeightPlane, domainStep: 32))
    }
    guard place.needsInputGradient else { return }
    let blocks = place.channelBlocks
    for block in blocks * part / parts..<blocks * (part + 1) / parts {
      // Sixteen filters at a time: [k][a'][b'][32 channels].
      for k in stride(from: 0, to: place.filters, by: 16) {
        place.transpose(
          source, positions, block: block, filters: k..<k + 16, into: scratch, filterStride: place.positions * 32,
          positionStride: 32)
        kernels.winogradKernel(
          WinogradKernel(
            size: plan.size, count: 16, taps: scratch, tap: 32, tapStep: place.positions * 32,
            domain: prepared + preparedBackward + (block * place.filters + k) * 32, plane: plan.backwardWeightPlane,
            domainStep: 32))
      }
    }
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (input, output) = (place.input.map, place.output.map)
    let v = pass.memory.scratch
    let products = v + plan.size.products * plan.channelPlane
    let source = tiles(
      rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: pass.map(place.input, slice) + place.window.start(in: input), layout: input, domain: v,
      plane: plan.channelPlane)
    var target = tiles(
      rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: pass.map(place.output, slice) + output.origin, layout: output, domain: products, plane: plan.filterPlane)
    target.epilogue = place.epilogue
    target.relu = place.relu ?? .unlimited
    target.bias = place.bias.values(pass)
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfChannels.base, b: pass.prepared + preparedForward, out: products,
      outOffsets: plan.tilesOfFilters.base)
    sum.lanes = plan.filters
    sum.inner = input.shape.channels
    sum.bBlock = plan.channels * 32
    convolve(
      source, sum, target, tiles: slice.count * plan.outputTileRows * plan.outputTileColumns,
      planes: (plan.channelPlane, plan.forwardWeightPlane, plan.filterPlane), pass)
    v.withMemoryRebound(to: Int32.self, capacity: plan.windowScratch) { scratch in
      pass.kernels.equalizeWindows(
        EqualWindows(
          images: slice.count, height: output.shape.height, width: output.shape.width, taps: plan.size.taps,
          input: UnsafePointer(source.map), inputImage: input.imageStride, inputRow: input.rowStride,
          channels: plan.channels, output: target.map, outputImage: output.imageStride, outputRow: output.rowStride,
          filters: plan.filters, bias: place.bias.values(pass), relu: place.relu, scratch: scratch))
    }
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (dOutput, dInput) = (place.output.gradient, place.input.gradient)
    let v = pass.memory.scratch
    let products = v + plan.size.products * plan.filterPlane
    let source = tiles(
      rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.filters,
      map: pass.gradient(place.output, slice) + dOutput.offset(-plan.early.height, -plan.early.width), layout: dOutput,
      domain: v, plane: plan.filterPlane)
    var target = tiles(
      rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.channels,
      map: pass.gradient(place.input, slice) + dInput.origin, layout: dInput, domain: products,
      plane: plan.channelPlane)
    target.adds = place.addsInputGradient
    if let (relu, mask) = pass.mask(place.input, slice) {
      let input = place.input.map
      target.epilogue = .reluGradient
      target.relu = relu
      target.mask = mask + input.origin
      target.maskImage = input.imageStride
      target.maskRow = input.rowStride
    }
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfFilters.base, b: pass.prepared + preparedBackward, out: products,
      outOffsets: plan.tilesOfChannels.base)
    sum.lanes = plan.channels
    sum.inner = dOutput.shape.channels
    sum.bBlock = plan.filters * 32
    convolve(
      source, sum, target, tiles: slice.count * plan.inputTileRows * plan.inputTileColumns,
      planes: (plan.filterPlane, plan.backwardWeightPlane, plan.channelPlane), pass)
  }

  /// A convolution, group by group: tiles into the transform domain, products, and the results back.
  private func convolve(
    _ source: WinogradTiles, _ products: TileSum, _ target: WinogradTiles, tiles: Int,
    planes: (tiles: Int, weights: Int, results: Int), _ pass: borrowing Pass
  ) {
    let kernels = pass.kernels
    var (source, sum, target) = (source, products, target)
    sum.termsPerBlock = termsPerBlock
    forEachGroup(tiles) { first, count in
      source.firstTile = first
      source.tiles = count
      kernels.winogradInput(source)
      sum.rows = count
      multiply(sum, aPlane: planes.tiles, bPlane: planes.weights, outPlane: planes.results, pass)
      target.firstTile = first
      target.tiles = count
      kernels.winogradOutput(target)
    }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    weightGradient(pass, slice, into: target.flat + place.weight.offset, addsShard: target.addsShard)
    place.bias.gradient(pass, place.output, slice, into: target)
  }

  /// The weight gradient of a slice of a shard; the shard's last slice writes it to `target`, or adds it there.
  ///
  /// If a shard is one group of tiles, each 32 filters' sums are transformed back while they are in the cache; otherwise
  /// they are kept until the shard ends.
  private func weightGradient(
    _ pass: borrowing Pass, _ slice: ImageSlice, into target: UnsafeMutablePointer<Float>, addsShard: Bool
  ) {
    assert(plan.keptSums > 0 || slice.startsShard && slice.endsShard, "A shard of one group of tiles comes whole.")
    let (input, dOutput) = (place.input.map, place.output.gradient)
    let kernels = pass.kernels
    let v = pass.memory.scratch
    let (channelPlane, filterPlane) = (plan.summedPlane(of: plan.channels), plan.summedPlane(of: plan.filters))
    let d = v + plan.size.products * channelPlane
    var source = tiles(
      rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: pass.map(place.input, slice) + place.window.start(in: input), layout: input, domain: v,
      plane: channelPlane)
    source.blockStep = plan.blockStep(of: plan.channels)
    var gradient = tiles(
      rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: pass.gradient(place.output, slice) + dOutput.origin, layout: dOutput, domain: d, plane: filterPlane)
    gradient.blockStep = plan.blockStep(of: plan.filters)
    let sums = plan.keptSums > 0 ? pass.memory.kept[index] : d + plan.size.products * filterPlane
    var sum = TileSum(a: v, aOffsets: plan.channelRows.base, b: d, out: sums, outOffsets: plan.sumRows.base)
    sum.rows = input.shape.channels
    sum.aInner = plan.tileStep(of: plan.channels)
    sum.bInner = plan.tileStep(of: plan.filters)
    let blocks = place.weight.parameter.blocks
    func writeTaps(block: Int, sums: UnsafeMutablePointer<Float>) {
      var taps = WinogradKernel(
        size: plan.size, count: input.shape.channels, taps: target + block * place.positions * plan.channels * 32,
        tap: plan.channels * 32, tapStep: 32, domain: sums, plane: plan.sumPlane, domainStep: 32)
      taps.accumulates = addsShard
      kernels.winogradKernelGradient(taps)
      // The kernel takes 32 filters; if there are 16, the others' sums are whatever the scratch held.
      let filters = min(32, plan.filters - 32 * block)
      guard filters < 32 else { return }
      for row in 0..<place.positions * plan.channels {
        (taps.taps + row * 32 + filters).update(repeating: 0, count: 32 - filters)
      }
    }
    forEachGroup(slice.count * plan.outputTileRows * plan.outputTileColumns) { first, count in
      source.firstTile = first
      source.tiles = count
      kernels.winogradInput(source)
      gradient.firstTile = first
      gradient.tiles = count
      kernels.winogradGradient(gradient)
      sum.inner = count
      sum.epilogue = slice.startsShard && first == 0 ? .store : .accumulate
      for block in 0..<blocks {
        sum.lanes = min(32, plan.filters - 32 * block)
        sum.b = UnsafePointer(d + block * gradient.blockStep)
        sum.out = plan.keptSums > 0 ? sums + block * plan.channels * 32 : sums
        multiply(sum, aPlane: channelPlane, bPlane: filterPlane, outPlane: plan.sumPlane, pass)
        if plan.keptSums == 0 { writeTaps(block: block, sums: sums) }
      }
    }
    if plan.keptSums > 0, slice.endsShard {
      for block in 0..<blocks { writeTaps(block: block, sums: sums + block * plan.channels * 32) }
    }
  }

  private func tiles(
    rows: Int, columns: Int, channels: Int, map: UnsafeMutablePointer<Float>, layout: MapLayout,
    domain: UnsafeMutablePointer<Float>, plane: Int
  ) -> WinogradTiles {
    WinogradTiles(
      size: plan.size, firstTile: 0, tiles: 0, tileRows: rows, tileColumns: columns, channels: channels, map: map,
      image: layout.imageStride, row: layout.rowStride, height: layout.shape.height, width: layout.shape.width,
      domain: domain, plane: plane)
  }

  @inline(__always)
  private func forEachGroup(_ tiles: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    var first = 0
    while first < tiles {
      body(first, min(plan.group, tiles - first))
      first += plan.group
    }
  }

  /// The products, plane by plane.
  private func multiply(_ sum: TileSum, aPlane: Int, bPlane: Int, outPlane: Int, _ pass: borrowing Pass) {
    var product = sum
    for _ in 0..<plan.size.products {
      product.takeAhead(pass.memory.ahead)
      pass.kernels.tileSum(product)
      product.a += aPlane
      product.b += bPlane
      product.out += outPlane
    }
  }
}

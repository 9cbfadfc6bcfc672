import KernelInterface

/// The three passes of a convolution in the transform domain, see `WinogradPlan`.
///
///     forward         Z  = Aᵀ[ U ⊙ BᵀXB ]A          U = GWGᵀ, 36 (F = 3) or 64 (F = 5) products of [tiles, C] × [C, K]
///     input gradient  dX = Aᵀ[ U' ⊙ BᵀdZB ]A        U' of the flipped kernel, [tiles, K] × [K, C]
///     weight gradient dW = Gᵀ[ Σ BᵀXB ⊙ AdZAᵀ ]G    as many products of [C, tiles] × [tiles, K]
///
/// Order of summation: channels ascending in the products, tiles ascending (examples, then row-major) in the weight gradient.
extension NetworkPlan {
  func winogradForward(
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, examples: Int,
    weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>, kernels: KernelTable
  ) {
    let input = maps[i]
    let output = maps[i + 1]
    let v = w.scratch
    let products = v + plan.size.products * plan.channelPlane
    var source = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: w.maps[i] + input.offset(-s.padBefore, -s.padBefore), layout: input, domain: v, plane: plan.channelPlane)
    var target = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: w.maps[i + 1] + output.origin, layout: output, domain: products, plane: plan.filterPlane)
    target.epilogue = s.fusesReLU ? .biasReLU : .bias
    target.bias = weights + parameters.parameters[s.bias].offset
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfChannels.base, b: prepared + s.preparedForward, out: products,
      outOffsets: plan.tilesOfFilters.base)
    sum.lanes = plan.filters
    sum.inner = plan.channels
    sum.bBlock = plan.channels * 32
    forEachGroup(plan, examples * plan.outputTileRows * plan.outputTileColumns) { first, count in
      source.firstTile = first
      source.tiles = count
      kernels.winogradInput(source)
      sum.rows = count
      multiply(
        plan, sum, aPlane: plan.channelPlane, bPlane: plan.forwardWeightPlane, outPlane: plan.filterPlane, kernels)
      target.firstTile = first
      target.tiles = count
      kernels.winogradOutput(target)
    }
  }

  func winogradInputGradient(
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, examples: Int,
    prepared: UnsafePointer<Float>, masks: Bool, kernels: KernelTable
  ) {
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    let before = s.kernelSize - 1 - s.padBefore
    let v = w.scratch
    let products = v + plan.size.products * plan.filterPlane
    var source = tiles(
      plan, rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.filters,
      map: w.gradients[i + 1] + dOutput.offset(-before, -before), layout: dOutput, domain: v, plane: plan.filterPlane)
    var target = tiles(
      plan, rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.channels,
      map: w.gradients[i] + dInput.origin, layout: dInput, domain: products, plane: plan.channelPlane)
    if masks {
      target.epilogue = .reluGradient
      target.mask = UnsafePointer(w.maps[i] + maps[i].origin)
      target.maskImage = maps[i].imageStride
      target.maskRow = maps[i].rowStride
    }
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfFilters.base, b: prepared + s.preparedBackward, out: products,
      outOffsets: plan.tilesOfChannels.base)
    sum.lanes = plan.channels
    sum.inner = plan.filters
    sum.bBlock = plan.filters * 32
    forEachGroup(plan, examples * plan.inputTileRows * plan.inputTileColumns) { first, count in
      source.firstTile = first
      source.tiles = count
      kernels.winogradInput(source)
      sum.rows = count
      multiply(
        plan, sum, aPlane: plan.filterPlane, bPlane: plan.backwardWeightPlane, outPlane: plan.channelPlane, kernels)
      target.firstTile = first
      target.tiles = count
      kernels.winogradOutput(target)
    }
  }

  /// The weight gradient of the examples `first ..< first + count`, one shard, into `target`.
  func winogradWeightGradient(
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, first: Int, count: Int,
    into target: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    let input = maps[i]
    let map = gradients[i + 1]
    let v = w.scratch
    let d = v + plan.size.products * plan.channelPlane
    let sums = d + plan.size.products * plan.filterPlane
    let perImage = plan.outputTileRows * plan.outputTileColumns
    var source = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: w.maps[i] + input.offset(-s.padBefore, -s.padBefore), layout: input, domain: v, plane: plan.channelPlane)
    var gradient = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: w.gradients[i + 1] + map.origin, layout: map, domain: d, plane: plan.filterPlane)
    var sum = TileSum(a: v, aOffsets: plan.channelRows.base, b: d, out: sums, outOffsets: plan.sumRows.base)
    sum.rows = plan.channels
    sum.lanes = plan.filters
    sum.aInner = plan.channels
    sum.bInner = plan.filters
    sum.outBlock = plan.channels * 32
    forEachGroup(plan, count * perImage) { start, tiles in
      source.firstTile = first * perImage + start
      source.tiles = tiles
      kernels.winogradInput(source)
      gradient.firstTile = first * perImage + start
      gradient.tiles = tiles
      kernels.winogradGradient(gradient)
      sum.inner = tiles
      sum.epilogue = start == 0 ? .store : .accumulate
      multiply(plan, sum, aPlane: plan.channelPlane, bPlane: plan.filterPlane, outPlane: plan.sumPlane, kernels)
    }
    let weight = parameters.parameters[s.weight]
    for block in 0..<weight.blocks {
      kernels.winogradKernelGradient(
        WinogradKernel(
          size: plan.size, count: plan.channels, taps: target + block * weight.rows * 32, tap: plan.channels * 32,
          tapStep: 32, domain: sums + block * plan.channels * 32, plane: plan.sumPlane, domainStep: 32))
    }
  }

  private func tiles(
    _ plan: WinogradPlan, rows: Int, columns: Int, channels: Int, map: UnsafeMutablePointer<Float>, layout: MapLayout,
    domain: UnsafeMutablePointer<Float>, plane: Int
  ) -> WinogradTiles {
    WinogradTiles(
      size: plan.size, firstTile: 0, tiles: 0, tileRows: rows, tileColumns: columns, channels: channels, map: map,
      image: layout.imageStride, row: layout.rowStride, height: layout.shape.height, width: layout.shape.width,
      domain: domain, plane: plane)
  }

  private func forEachGroup(_ plan: WinogradPlan, _ tiles: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    var first = 0
    while first < tiles {
      body(first, min(plan.group, tiles - first))
      first += plan.group
    }
  }

  /// The products, plane by plane.
  private func multiply(
    _ plan: WinogradPlan, _ sum: TileSum, aPlane: Int, bPlane: Int, outPlane: Int, _ kernels: KernelTable
  ) {
    var product = sum
    for _ in 0..<plan.size.products {
      kernels.tileSum(product)
      product.a += aPlane
      product.b += bPlane
      product.out += outPlane
    }
  }
}

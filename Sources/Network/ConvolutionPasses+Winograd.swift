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
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    _ inputs: borrowing PassInputs
  ) {
    let input = maps[i]
    let output = maps[i + 1]
    let v = w.scratch
    let products = v + plan.size.products * plan.channelPlane
    var source = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: map(i, w, slice) + input.offset(-s.padBefore, -s.padBefore), layout: input, domain: v,
      plane: plan.channelPlane)
    var target = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: map(i + 1, w, slice) + output.origin, layout: output, domain: products, plane: plan.filterPlane)
    target.epilogue = s.fusesReLU ? .biasReLU : .bias
    target.bias = inputs.weights + parameters.parameters[s.bias].offset
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfChannels.base, b: inputs.prepared + s.preparedForward, out: products,
      outOffsets: plan.tilesOfFilters.base)
    sum.lanes = plan.filters
    sum.inner = plan.channels
    sum.termsPerBlock = sizes.termsPerBlock
    sum.bBlock = plan.channels * 32
    forEachGroup(plan, slice.count * plan.outputTileRows * plan.outputTileColumns) { first, count in
      source.firstTile = first
      source.tiles = count
      inputs.kernels.winogradInput(source)
      sum.rows = count
      multiply(
        plan, sum, aPlane: plan.channelPlane, bPlane: plan.forwardWeightPlane, outPlane: plan.filterPlane,
        inputs.kernels)
      target.firstTile = first
      target.tiles = count
      inputs.kernels.winogradOutput(target)
    }
  }

  func winogradInputGradient(
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    masks: Bool, _ inputs: borrowing PassInputs
  ) {
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    let before = s.kernelSize - 1 - s.padBefore
    let v = w.scratch
    let products = v + plan.size.products * plan.filterPlane
    var source = tiles(
      plan, rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.filters,
      map: gradient(i + 1, w, slice) + dOutput.offset(-before, -before), layout: dOutput, domain: v,
      plane: plan.filterPlane)
    var target = tiles(
      plan, rows: plan.inputTileRows, columns: plan.inputTileColumns, channels: plan.channels,
      map: gradient(i, w, slice) + dInput.origin, layout: dInput, domain: products, plane: plan.channelPlane)
    if masks {
      target.epilogue = .reluGradient
      target.mask = UnsafePointer(map(i, w, slice) + maps[i].origin)
      target.maskImage = maps[i].imageStride
      target.maskRow = maps[i].rowStride
    }
    var sum = TileSum(
      a: v, aOffsets: plan.tilesOfFilters.base, b: inputs.prepared + s.preparedBackward, out: products,
      outOffsets: plan.tilesOfChannels.base)
    sum.lanes = plan.channels
    sum.inner = plan.filters
    sum.termsPerBlock = sizes.termsPerBlock
    sum.bBlock = plan.filters * 32
    forEachGroup(plan, slice.count * plan.inputTileRows * plan.inputTileColumns) { first, count in
      source.firstTile = first
      source.tiles = count
      inputs.kernels.winogradInput(source)
      sum.rows = count
      multiply(
        plan, sum, aPlane: plan.filterPlane, bPlane: plan.backwardWeightPlane, outPlane: plan.channelPlane,
        inputs.kernels)
      target.firstTile = first
      target.tiles = count
      inputs.kernels.winogradOutput(target)
    }
  }

  /// The weight gradient of a slice of a shard; the shard's last slice writes it to `target`, or adds it there.
  ///
  /// Where a shard is one group of tiles, each 32 filters' sums are transformed back while they are in the cache;
  /// otherwise they are kept until the shard ends.
  func winogradWeightGradient(
    _ s: ConvolutionStage, _ plan: WinogradPlan, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    into target: UnsafeMutablePointer<Float>, addsShard: Bool, _ kernels: KernelTable
  ) {
    assert(plan.keptSums > 0 || slice.startsShard && slice.endsShard, "A shard of one group of tiles comes whole.")
    let input = maps[i]
    let dOutput = gradients[i + 1]
    let v = w.scratch
    let d = v + plan.size.products * plan.channelPlane
    var source = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.channels,
      map: map(i, w, slice) + input.offset(-s.padBefore, -s.padBefore), layout: input, domain: v,
      plane: plan.channelPlane)
    var gradient = tiles(
      plan, rows: plan.outputTileRows, columns: plan.outputTileColumns, channels: plan.filters,
      map: gradient(i + 1, w, slice) + dOutput.origin, layout: dOutput, domain: d, plane: plan.filterPlane)
    let sums = plan.keptSums > 0 ? w.transformedSums[i] : d + plan.size.products * plan.filterPlane
    var sum = TileSum(a: v, aOffsets: plan.channelRows.base, b: d, out: sums, outOffsets: plan.sumRows.base)
    sum.rows = plan.channels
    sum.aInner = plan.channels
    sum.bInner = plan.filters
    let blocks = roundUp(plan.filters, to: 32) / 32
    func writeTaps(block: Int, sums: UnsafeMutablePointer<Float>) {
      var taps = WinogradKernel(
        size: plan.size, count: plan.channels, taps: target + block * s.positions * plan.channels * 32,
        tap: plan.channels * 32, tapStep: 32, domain: sums, plane: plan.sumPlane, domainStep: 32)
      taps.accumulates = addsShard
      kernels.winogradKernelGradient(taps)
    }
    forEachGroup(plan, slice.count * plan.outputTileRows * plan.outputTileColumns) { first, count in
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
        sum.b = UnsafePointer(d + 32 * block)
        sum.out = plan.keptSums > 0 ? sums + block * plan.channels * 32 : sums
        multiply(plan, sum, aPlane: plan.channelPlane, bPlane: plan.filterPlane, outPlane: plan.sumPlane, kernels)
        if plan.keptSums == 0 { writeTaps(block: block, sums: sums) }
      }
    }
    if plan.keptSums > 0, slice.endsShard {
      for block in 0..<blocks { writeTaps(block: block, sums: sums + block * plan.channels * 32) }
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

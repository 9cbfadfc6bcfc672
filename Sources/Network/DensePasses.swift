import KernelInterface

/// The three passes of a fully connected layer, all on the weights as the parameter buffer holds them.
extension NetworkPlan {
  /// `Z[n,o] = Σ_i A[n,i] · W[o,i] + b[o]`, summed over i ascending.
  func denseForward(
    _ s: DenseStage, at i: Int, _ w: Workspace, _ slice: ImageSlice, _ inputs: borrowing PassInputs
  ) {
    guard let tables = s.tables else { return missingTables(s.name) }
    let weight = parameters.parameters[s.weight]
    var sum = TileSum(
      a: map(i, w, slice), aOffsets: tables.inputImages.base, b: inputs.weights + weight.offset,
      out: map(i + 1, w, slice), outOffsets: tables.outputImages.base)
    sum.rows = slice.count
    sum.lanes = maps[i + 1].channelStride
    sum.inner = weight.rows
    sum.termsPerBlock = sizes.termsPerBlock
    sum.bBlock = weight.rows * 32
    sum.bias = inputs.weights + parameters.parameters[s.bias].offset
    sum.epilogue = s.fusesReLU ? .biasReLU : .bias
    inputs.kernels.tileSum(sum)
  }

  /// `dW[o,i] = Σ_n dZ[n,o] · A[n,i]`, over a whole run: each shard over n ascending, shards in their tree.
  ///
  /// Block by block with the tree inside, so that partial sums of shards never leave the first-level cache.
  func denseWeightGradient(
    _ s: DenseStage, at i: Int, _ w: Workspace, examples: Int, into gradient: UnsafeMutablePointer<Float>,
    _ kernels: KernelTable
  ) {
    guard let tables = s.tables else { return missingTables(s.name) }
    let weight = parameters.parameters[s.weight]
    let input = maps[i]
    let map = gradients[i + 1]
    let shardSize = capacity.shard
    let shards = (examples + shardSize - 1) / shardSize
    let tileSum = kernels.tileSum
    var sum = TileSum(
      a: w.maps[i], aOffsets: tables.inputs.base, b: w.gradients[i + 1], out: gradient,
      outOffsets: tables.weightRows.base)
    sum.aInner = input.imageStride
    sum.bInner = map.imageStride
    for block in 0..<weight.blocks {
      sum.lanes = min(32, map.channelStride - block * 32)
      var row = 0
      while row < weight.rows {
        sum.rows = min(sizes.denseRows, weight.rows - row)
        let target = gradient + weight.offset + (block * weight.rows + row) * 32
        let a = w.maps[i] + row
        let b = w.gradients[i + 1] + block * 32
        sumOverShards(0..<shards, into: target, adds: false, count: sum.rows * 32, w, level: 0, kernels) {
          shard, target, adds in
          let first = shard * shardSize
          sum.a = UnsafePointer(a + first * input.imageStride)
          sum.b = UnsafePointer(b + first * map.imageStride)
          sum.out = target
          sum.epilogue = adds ? .add : .store
          sum.inner = min(shardSize, examples - first)
          tileSum(sum)
        }
        row += sum.rows
      }
    }
  }

  /// `dA[n,i] = Σ_o W[o,i] · dZ[n,o]`, summed over o ascending; lanes run across examples.
  func denseInputGradient(
    _ s: DenseStage, at i: Int, _ w: Workspace, _ slice: ImageSlice, masks: Bool, _ inputs: borrowing PassInputs
  ) {
    guard let tables = s.tables else { return missingTables(s.name) }
    let weight = parameters.parameters[s.weight]
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    let examples = slice.count
    let source = gradient(i + 1, w, slice)
    let lanes = roundUp(examples, to: 16)
    // dZ transposed, [out, example], zero where there is neither.
    let outputs = weight.blocks * 32
    let transposed = w.scratch
    let results = transposed + outputs * lanes
    for o in 0..<outputs {
      let line = transposed + o * lanes
      for n in 0..<lanes {
        line[n] = n < examples && o < dOutput.channelStride ? source[n * dOutput.imageStride + o] : 0
      }
    }
    var sum = TileSum(
      a: inputs.weights + weight.offset, aOffsets: tables.weightRows.base, b: transposed, out: results,
      outOffsets: tables.transposedRows.base)
    sum.lanes = lanes
    sum.middle = weight.blocks
    sum.inner = 32
    sum.aMiddle = weight.rows * 32
    sum.bMiddle = 32 * lanes
    sum.bInner = lanes
    var scatter = TransposeArguments(
      units: 0, examples: examples, source: results, sourceStride: maximumLanes, target: gradient(i, w, slice),
      targetStride: dInput.imageStride, unitOffsets: tables.inputUnits.base)
    if masks {
      scatter.mask = UnsafePointer(map(i, w, slice))
      scatter.maskStride = maps[i].imageStride
    }
    var row = 0
    while row < weight.rows {
      sum.rows = min(sizes.denseRows, weight.rows - row)
      inputs.kernels.tileSum(sum)
      scatter.units = sum.rows / 16
      inputs.kernels.scatterTransposed(scatter)
      sum.a += sum.rows * 32
      scatter.unitOffsets += scatter.units
      scatter.mask = scatter.mask.map { $0 + sum.rows }
      row += sum.rows
    }
  }

  /// Images of a chunk, as lanes: the stride of transposed rows.
  var maximumLanes: Int { roundUp(capacity.chunk, to: 16) }

  /// Scratch floats of `denseInputGradient`.
  func denseScratchFloats(_ s: DenseStage) -> Int {
    (parameters.parameters[s.weight].blocks * 32 + sizes.denseRows) * maximumLanes
  }

  private func missingTables(_ name: String) { fatalError("The offset tables of \(name) were not built.") }
}

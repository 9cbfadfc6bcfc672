import KernelInterface

/// The three passes of a convolution as plain sums over its kernel.
extension NetworkPlan {
  /// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n,i+a,j+b,c] · W[a,b,c,k] + b[k]`, summed in the order a, b, c.
  func directForward(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, examples: Int,
    weights: UnsafePointer<Float>, kernels: KernelTable
  ) {
    let input = maps[i]
    let output = maps[i + 1]
    let weight = parameters.parameters[s.weight]
    var sum = TileSum(
      a: w.maps[i], aOffsets: tables.forwardInput.base, b: weights + weight.offset, out: w.maps[i + 1],
      outOffsets: tables.forwardOutput.base)
    sum.lanes = output.channelStride
    sum.bBlock = weight.rows * 32
    sum.bias = weights + parameters.parameters[s.bias].offset
    sum.epilogue = s.fusesReLU ? .biasReLU : .bias
    sum.rows = output.shape.height * output.shape.width
    sum.middle = s.kernelSize
    sum.inner = s.kernelSize * input.channelStride
    sum.aMiddle = input.rowStride
    sum.bMiddle = sum.inner * 32
    for _ in 0..<examples {
      kernels.tileSum(sum)
      sum.a += input.imageStride
      sum.out += output.imageStride
    }
  }

  /// `dW[a,b,c,k] = Σ_n Σ_i Σ_j dZ[n,i,j,k] · X[n,i+a,j+b,c]` over the examples `first ..< first + count`, one shard.
  func directWeightGradient(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, first: Int, count: Int,
    into target: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    let input = maps[i]
    let map = gradients[i + 1]
    let rows = parameters.parameters[s.weight].rows
    var sum = TileSum(
      a: w.maps[i] + first * input.imageStride, aOffsets: tables.weightRows.base,
      b: w.gradients[i + 1] + map.origin + first * map.imageStride, out: target,
      outOffsets: tables.weightOutput.base)
    sum.rows = rows
    sum.lanes = map.channelStride
    sum.outBlock = rows * 32
    sum.middle = map.shape.height
    sum.inner = map.shape.width
    sum.aOuter = input.imageStride
    sum.aMiddle = input.rowStride
    sum.aInner = input.channelStride
    sum.bOuter = map.imageStride
    sum.bMiddle = map.rowStride
    sum.bInner = map.channelStride
    // As many images at a time as make a few hundred terms: dZ of one lane block then stays in the first-level cache.
    let group = max(1, 256 / (sum.middle * sum.inner))
    var done = 0
    while done < count {
      sum.outer = min(group, count - done)
      kernels.tileSum(sum)
      sum.epilogue = .accumulate
      sum.a += sum.outer * input.imageStride
      sum.b += sum.outer * map.imageStride
      done += sum.outer
    }
  }

  /// `dX[n,i,j,c] = Σ_k Σ_a Σ_b dZ[n,i−a,j−b,k] · W[a,b,c,k]`, summed in the order of the flipped kernel: a', b', k.
  func directInputGradient(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, examples: Int,
    prepared: UnsafePointer<Float>, masks: Bool, kernels: KernelTable
  ) {
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    var sum = TileSum(
      a: w.gradients[i + 1], aOffsets: tables.gradientSource.base, b: prepared + s.preparedBackward,
      out: w.gradients[i], outOffsets: tables.gradientTarget.base)
    if masks {
      sum.epilogue = .reluGradient
      sum.mask = UnsafePointer(w.maps[i])
      sum.maskOffsets = tables.inputMask.base
    }
    sum.rows = dInput.shape.height * dInput.shape.width
    sum.lanes = dInput.channelStride
    sum.middle = s.kernelSize
    sum.inner = s.kernelSize * dOutput.channelStride
    sum.aMiddle = dOutput.rowStride
    sum.bMiddle = sum.inner * 32
    sum.bBlock = sum.middle * sum.bMiddle
    for _ in 0..<examples {
      kernels.tileSum(sum)
      sum.a += dOutput.imageStride
      sum.out += dInput.imageStride
      sum.mask = sum.mask.map { $0 + maps[i].imageStride }
    }
  }
}

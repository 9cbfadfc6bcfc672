import KernelInterface

/// The three passes of a convolution as plain sums over its kernel.
extension NetworkPlan {
  /// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n,i+a,j+b,c] · W[a,b,c,k] + b[k]`, summed in the order a, b, c.
  func directForward(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    _ inputs: borrowing PassInputs
  ) {
    let input = maps[i]
    let output = maps[i + 1]
    let weight = parameters.parameters[s.weight]
    var sum = TileSum(
      a: map(i, w, slice), aOffsets: tables.forwardInput.base, b: inputs.weights + weight.offset,
      out: map(i + 1, w, slice), outOffsets: tables.forwardOutput.base)
    sum.lanes = output.channelStride
    sum.bBlock = weight.rows * 32
    sum.bias = inputs.weights + parameters.parameters[s.bias].offset
    sum.epilogue = s.fusesReLU ? .biasReLU : .bias
    sum.rows = output.shape.height * output.shape.width
    sum.middle = s.kernelSize
    sum.inner = s.kernelSize * input.channelStride
    sum.aMiddle = input.rowStride
    sum.bMiddle = sum.inner * 32
    for _ in 0..<slice.count {
      inputs.kernels.tileSum(sum)
      sum.a += input.imageStride
      sum.out += output.imageStride
    }
  }

  /// `dW[a,b,c,k] = Σ_n Σ_i Σ_j dZ[n,i,j,k] · X[n,i+a,j+b,c]` over a slice of a shard.
  func directWeightGradient(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    into target: UnsafeMutablePointer<Float>, _ kernels: KernelTable
  ) {
    let input = maps[i]
    let dOutput = gradients[i + 1]
    var sum = TileSum(
      a: map(i, w, slice), aOffsets: tables.weightRows.base,
      b: gradient(i + 1, w, slice) + dOutput.origin, out: target,
      outOffsets: tables.weightOutput.base)
    sum.rows = parameters.parameters[s.weight].rows
    sum.lanes = dOutput.channelStride
    sum.outBlock = sum.rows * 32
    sum.outer = slice.count
    sum.middle = dOutput.shape.height
    sum.inner = dOutput.shape.width
    sum.aOuter = input.imageStride
    sum.aMiddle = input.rowStride
    sum.aInner = input.channelStride
    sum.bOuter = dOutput.imageStride
    sum.bMiddle = dOutput.rowStride
    sum.bInner = dOutput.channelStride
    if !slice.startsShard { sum.epilogue = .accumulate }
    kernels.tileSum(sum)
  }

  /// `dX[n,i,j,c] = Σ_k Σ_a Σ_b dZ[n,i−a,j−b,k] · W[a,b,c,k]`, summed in the order of the flipped kernel: a', b', k.
  func directInputGradient(
    _ s: ConvolutionStage, _ tables: ConvolutionStage.DirectTables, at i: Int, _ w: Workspace, _ slice: ImageSlice,
    masks: Bool, _ inputs: borrowing PassInputs
  ) {
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    var sum = TileSum(
      a: gradient(i + 1, w, slice), aOffsets: tables.gradientSource.base, b: inputs.prepared + s.preparedBackward,
      out: gradient(i, w, slice), outOffsets: tables.gradientTarget.base)
    if masks {
      sum.epilogue = .reluGradient
      sum.mask = UnsafePointer(map(i, w, slice))
      sum.maskOffsets = tables.inputMask.base
    }
    sum.rows = dInput.shape.height * dInput.shape.width
    sum.lanes = dInput.channelStride
    sum.middle = s.kernelSize
    sum.inner = s.kernelSize * dOutput.channelStride
    sum.aMiddle = dOutput.rowStride
    sum.bMiddle = sum.inner * 32
    sum.bBlock = sum.middle * sum.bMiddle
    for _ in 0..<slice.count {
      inputs.kernels.tileSum(sum)
      sum.a += dOutput.imageStride
      sum.out += dInput.imageStride
      sum.mask = sum.mask.map { $0 + maps[i].imageStride }
    }
  }
}

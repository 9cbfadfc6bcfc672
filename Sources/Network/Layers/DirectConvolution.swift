import KernelInterface

/// The three passes of a convolution as plain sums over its kernel.
final class DirectConvolution: Layer {
  private let place: ConvolutionPlace
  private let preparedOffset: Int
  private let tables: Tables
  let memory: LayerMemory
  let algorithm = "direct"

  /// Offset tables of the passes.
  private struct Tables {
    /// Rows of the forward pass: the pixels of one image.
    let forwardInput: OffsetTable
    let forwardOutput: OffsetTable
    /// Rows of the weight gradient: (a, b, c) of the kernel.
    let weightRows: OffsetTable
    let weightOutput: OffsetTable
    /// Rows of the input gradient.
    let gradientSource: OffsetTable
    let gradientTarget: OffsetTable
    /// Where the ReLU mask of each row lies in the input map.
    let inputMask: OffsetTable

    init(_ s: ConvolutionPlace) {
      let (input, output) = (s.input.map, s.output.map)
      var rows: [Int] = []
      for a in 0..<s.kernelSize {
        for b in 0..<s.kernelSize {
          let start = input.offset(a - s.padBefore, b - s.padBefore)
          for c in 0..<s.channels { rows.append(start + c) }
        }
      }
      forwardInput = OffsetTable(pixelsOf: input, shiftedBy: (-s.padBefore, -s.padBefore), shape: output.shape)
      forwardOutput = OffsetTable(pixelsOf: output)
      weightRows = OffsetTable(rows)
      weightOutput = OffsetTable(count: rows.count, stride: 32)
      gradientSource = OffsetTable(
        pixelsOf: s.output.gradient, shiftedBy: (-s.early, -s.early), shape: input.shape)
      gradientTarget = OffsetTable(pixelsOf: s.input.gradient)
      inputMask = OffsetTable(pixelsOf: input)
    }
  }

  init(_ convolution: Conv2D, _ place: LayerPlace) {
    self.place = ConvolutionPlace(convolution, place)
    preparedOffset = place.preparedOffset
    tables = Tables(self.place)
    var memory = LayerMemory()
    memory.shardSums = [self.place.weight.index, self.place.bias.index]
    if self.place.needsInputGradient {
      memory.prepared = self.place.positions * self.place.channelBlocks * 32 * self.place.filters
    }
    self.memory = memory
  }

  /// What the input gradient reads: `[C/32][a'][b'][K][32]`, the kernel flipped: `a' = F − 1 − a`.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    guard place.needsInputGradient else { return }
    let blocks = place.channelBlocks
    for block in blocks * part / parts..<blocks * (part + 1) / parts {
      place.transpose(
        weights + place.weight.offset, block: block, filters: 0..<place.filters,
        into: prepared + preparedOffset + block * place.positions * place.filters * 32, filterStride: 32,
        positionStride: place.filters * 32)
    }
  }

  /// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n,i+a,j+b,c] · W[a,b,c,k] + b[k]`, summed in the order a, b, c.
  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (input, output) = (place.input.map, place.output.map)
    var sum = TileSum(
      a: pass.map(place.input, slice), aOffsets: tables.forwardInput.base, b: pass.weights + place.weight.offset,
      out: pass.map(place.output, slice), outOffsets: tables.forwardOutput.base)
    sum.lanes = output.channelStride
    sum.bBlock = place.weight.parameter.rows * 32
    sum.bias = pass.weights + place.bias.offset
    sum.epilogue = place.appliesReLU ? .biasReLU : .bias
    sum.rows = output.shape.height * output.shape.width
    sum.middle = place.kernelSize
    sum.inner = place.kernelSize * input.channelStride
    sum.aMiddle = input.rowStride
    sum.bMiddle = sum.inner * 32
    for _ in 0..<slice.count {
      pass.kernels.tileSum(sum)
      sum.a += input.imageStride
      sum.out += output.imageStride
    }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    let weight = pass.shardSum(of: place.weight, target)
    weightGradient(pass, slice, into: weight)
    pass.endShardSum(of: place.weight, slice, target)
    pass.biasGradient(of: place.bias, place.output, slice, target)
  }

  /// `dW[a,b,c,k] = Σ_n Σ_i Σ_j dZ[n,i,j,k] · X[n,i+a,j+b,c]` over a slice of a shard.
  private func weightGradient(
    _ pass: borrowing Pass, _ slice: ImageSlice, into target: UnsafeMutablePointer<Float>
  ) {
    let (input, dOutput) = (place.input.map, place.output.gradient)
    var sum = TileSum(
      a: pass.map(place.input, slice), aOffsets: tables.weightRows.base,
      b: pass.gradient(place.output, slice) + dOutput.origin, out: target, outOffsets: tables.weightOutput.base)
    sum.rows = place.weight.parameter.rows
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
    pass.kernels.tileSum(sum)
  }

  /// `dX[n,i,j,c] = Σ_k Σ_a Σ_b dZ[n,i−a,j−b,k] · W[a,b,c,k]`, summed in the order of the flipped kernel: a', b', k.
  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (dOutput, dInput, input) = (place.output.gradient, place.input.gradient, place.input.map)
    var sum = TileSum(
      a: pass.gradient(place.output, slice), aOffsets: tables.gradientSource.base, b: pass.prepared + preparedOffset,
      out: pass.gradient(place.input, slice), outOffsets: tables.gradientTarget.base)
    sum.mask = pass.mask(place.input, slice)
    if sum.mask != nil {
      sum.epilogue = .reluGradient
      sum.maskOffsets = tables.inputMask.base
    }
    sum.rows = dInput.shape.height * dInput.shape.width
    sum.lanes = dInput.channelStride
    sum.middle = place.kernelSize
    sum.inner = place.kernelSize * dOutput.channelStride
    sum.aMiddle = dOutput.rowStride
    sum.bMiddle = sum.inner * 32
    sum.bBlock = sum.middle * sum.bMiddle
    for _ in 0..<slice.count {
      pass.kernels.tileSum(sum)
      sum.a += dOutput.imageStride
      sum.out += dInput.imageStride
      sum.mask = sum.mask.map { $0 + input.imageStride }
    }
  }
}

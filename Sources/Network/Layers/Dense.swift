import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// Fully connected: `Z = W·A_prev + b` over flat values, `units` of them.
///
/// All passes work on the weights as the parameter buffer holds them.
package struct Dense: LayerType {
  package static let typeName = "dense"
  package static let keys = [
    ConfigurationKey("units", .integer(1...(1 << 24)), "Outputs."),
    ConfigurationKey("use_bias", .bool, default: .bool(true), "Whether a bias is added."),
    Initializer.key,
  ]

  package var units: Int
  package var usesBias: Bool
  package var initializer: Initializer

  package init(units: Int, usesBias: Bool = true, initializer: Initializer = .heNormal) {
    self.units = units
    self.usesBias = usesBias
    self.initializer = initializer
  }

  package init(_ values: KeyValues) {
    units = values.integer("units")
    usesBias = values.bool("use_bias")
    initializer = Initializer(values)
  }

  package var values: KeyValues {
    ["units": .integer(units), "use_bias": .bool(usesBias), "initializer": .string(initializer.rawValue)]
  }
  package var summary: String {
    "\(Self.typeName) \(units)" + (usesBias ? "" : ", no bias") + initializer.suffix
  }
  package var traits: LayerTraits { [.appliesReLU, .masksInputGradient, .readsUnpaddedInput, .takesChunks] }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireFlat(Self.typeName)
    guard units >= 1 else { throw LayerMisfit("found units \(units); allowed: at least 1") }
    return .flat(units)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let shape = inputs[0].image
    let weight = ParameterSpecification(
      "weight", layout: .dense, shape: [units, shape.elementCount], positions: shape.height * shape.width,
      channels: shape.channels, outputs: units, initialValue: initializer.initialValue())
    return usesBias ? [weight, .bias(units)] : [weight]
  }

  package var withBias: (any LayerType)? {
    var own = self
    own.usesBias = true
    return own
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { inputs[0].image.elementCount * units }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let (x, w) = (step.x, step.parameter("weight"))
    let dense = ReferenceDense(inputs: x.height * x.width * x.channels, outputs: units)
    let z = dense.forward(x.values, w: w, bias: usesBias ? step.parameter("bias") : nil)
    return ReferenceResult(output: x.with(ImageShape(height: 1, width: 1, channels: units), values: z)) { dz in
      let (dw, db, da) = dense.backward(x.values, dz: dz.values, w: w)
      return ReferenceGradients(
        inputs: [x.with(values: da)], parameters: usesBias ? ["weight": dw, "bias": db] : ["weight": dw])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { DenseLayer(place) }
}

extension LayerKind {
  package static func dense(units: Int) -> LayerKind { LayerKind(Dense(units: units)) }
}

private final class DenseLayer: Layer {
  private let input: PlacedValue
  private let output: PlacedValue
  private let weight: PlacedParameter
  private let bias: PlacedBias
  private let relu: FusedReLU?
  private let capacity: ImageCapacity
  private let sizes: BlockSizes
  private let tables: Tables
  let memory: LayerMemory
  let algorithm = "gemm"

  private struct Tables {
    /// Rows of the forward pass: examples.
    let inputImages: OffsetTable
    let outputImages: OffsetTable
    /// Rows of weight and input gradient: `BlockSizes.denseRows` consecutive inputs.
    let inputs: OffsetTable
    let weightRows: OffsetTable
    /// Rows of the transposed input gradient, `maximumLanes` apart.
    let transposedRows: OffsetTable
    /// Where each 16 inputs lie in an image of the input gradient.
    let inputUnits: OffsetTable
  }

  /// Images of a chunk, as lanes: the stride of transposed rows.
  private var maximumLanes: Int { roundUp(capacity.chunk, to: 16) }

  init(_ place: LayerPlace) {
    input = place.input
    output = place.output
    weight = place.parameters[0]
    bias = PlacedBias(place.parameters.count > 1 ? place.parameters[1] : nil, lanes: place.output.map.channelStride)
    relu = place.relu
    capacity = place.capacity
    sizes = place.sizes
    precondition(input.map.halo == Halo(), "Dense \(place.name) reads its input as one run of floats, without halos.")
    var units: [Int] = []
    if place.needsInputGradient[0] {
      let map = input.map
      for row in 0..<map.shape.height {
        for column in 0..<map.shape.width {
          for c in stride(from: 0, to: map.channelStride, by: 16) {
            units.append(input.gradient.offset(row, column) + c)
          }
        }
      }
    }
    let lanes = roundUp(place.capacity.chunk, to: 16)
    tables = Tables(
      inputImages: OffsetTable(count: capacity.chunk, stride: input.map.imageStride),
      outputImages: OffsetTable(count: capacity.chunk, stride: output.map.imageStride),
      inputs: OffsetTable(count: sizes.denseRows, stride: 1),
      weightRows: OffsetTable(count: sizes.denseRows, stride: 32),
      transposedRows: OffsetTable(count: sizes.denseRows, stride: lanes), inputUnits: OffsetTable(units))
    var memory = LayerMemory()
    memory.scratch = (weight.parameter.blocks * 32 + sizes.denseRows) * lanes
    memory.treeFloats = max(
      min(weight.parameter.packedCount, sizes.denseRows * 32), bias.parameter?.parameter.packedCount ?? 0)
    self.memory = memory
  }

  /// `Z[n,o] = Σ_i A[n,i] · W[o,i] + b[o]`, summed over i ascending.
  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let rows = weight.parameter.rows
    var sum = TileSum(
      a: pass.map(input, slice), aOffsets: tables.inputImages.base, b: pass.weights + weight.offset,
      out: pass.map(output, slice), outOffsets: tables.outputImages.base)
    sum.rows = slice.count
    sum.lanes = output.map.channelStride
    sum.inner = rows
    sum.termsPerBlock = sizes.termsPerBlock
    sum.bBlock = rows * 32
    sum.bias = bias.values(pass)
    sum.epilogue = relu == nil ? .bias : .biasReLU
    sum.relu = relu ?? .unlimited
    pass.kernels.tileSum(sum)
  }

  func parameterGradients(_ pass: borrowing Pass, _ run: ImageSlice, into target: GradientTarget) {
    weightGradient(pass, run, into: target.flat)
    guard let bias = bias.parameter else { return }
    pass.sumOverShards(of: run, capacity, into: target.flat + bias.offset, count: bias.parameter.packedCount) {
      shard, sum in pass.biasGradient(output, shard, into: sum)
    }
  }

  /// `dW[o,i] = Σ_n dZ[n,o] · A[n,i]`, over a whole run: each shard over n ascending, shards in their tree.
  ///
  /// Block by block with the tree inside, so that partial sums of shards never leave the first-level cache.
  private func weightGradient(
    _ pass: borrowing Pass, _ run: ImageSlice, into gradient: UnsafeMutablePointer<Float>
  ) {
    let (image, dImage) = (input.map.imageStride, output.gradient.imageStride)
    let (map, dMap) = (pass.map(input, run), pass.gradient(output, run))
    let (rows, shardSize, examples) = (weight.parameter.rows, capacity.shard, run.count)
    let shards = (examples + shardSize - 1) / shardSize
    let tileSum = pass.kernels.tileSum
    var sum = TileSum(
      a: map, aOffsets: tables.inputs.base, b: dMap, out: gradient, outOffsets: tables.weightRows.base)
    sum.aInner = image
    sum.bInner = dImage
    for block in 0..<weight.parameter.blocks {
      sum.lanes = min(32, output.gradient.channelStride - block * 32)
      var row = 0
      while row < rows {
        sum.rows = min(sizes.denseRows, rows - row)
        let target = gradient + weight.offset + (block * rows + row) * 32
        let a = map + row
        let b = dMap + block * 32
        pass.sumTree(0..<shards, into: target, adds: false, count: sum.rows * 32, level: 0) { shard, target, adds in
          let first = shard * shardSize
          sum.a = UnsafePointer(a + first * image)
          sum.b = UnsafePointer(b + first * dImage)
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
  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (dOutput, dInput) = (output.gradient, input.gradient)
    let (rows, blocks) = (weight.parameter.rows, weight.parameter.blocks)
    let examples = slice.count
    let source = pass.gradient(output, slice) + dOutput.origin
    let lanes = roundUp(examples, to: 16)
    // dZ transposed, [out, example], zero where there is neither.
    let outputs = blocks * 32
    let transposed = pass.memory.scratch
    let results = transposed + outputs * lanes
    for o in 0..<outputs {
      let line = transposed + o * lanes
      for n in 0..<lanes {
        line[n] = n < examples && o < dOutput.channelStride ? source[n * dOutput.imageStride + o] : 0
      }
    }
    var sum = TileSum(
      a: pass.weights + weight.offset, aOffsets: tables.weightRows.base, b: transposed, out: results,
      outOffsets: tables.transposedRows.base)
    sum.lanes = lanes
    sum.middle = blocks
    sum.inner = 32
    sum.aMiddle = rows * 32
    sum.bMiddle = 32 * lanes
    sum.bInner = lanes
    var scatter = TransposeArguments(
      units: 0, examples: examples, source: results, sourceStride: maximumLanes, target: pass.gradient(input, slice),
      targetStride: dInput.imageStride, unitOffsets: tables.inputUnits.base)
    scatter.mask = pass.mask(input, slice)?.output
    scatter.maskStride = input.map.imageStride
    scatter.relu = input.relu ?? .unlimited
    var row = 0
    while row < rows {
      sum.rows = min(sizes.denseRows, rows - row)
      pass.kernels.tileSum(sum)
      scatter.units = sum.rows / 16
      pass.kernels.scatterTransposed(scatter)
      sum.a += sum.rows * 32
      scatter.unitOffsets += scatter.units
      scatter.mask = scatter.mask.map { $0 + sum.rows }
      row += sum.rows
    }
  }
}

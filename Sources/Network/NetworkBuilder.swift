import Diagnostics
import KernelInterface

/// Turns the layers of a configuration into stages, maps and parameters.
struct NetworkBuilder {
  private let model: ModelSpecification
  private let capacity: ImageCapacity
  private let sizes: BlockSizes
  private let computesInputGradient: Bool
  private(set) var stages: [Stage] = []
  private(set) var maps: [MapLayout] = []
  private(set) var gradients: [MapLayout] = []
  private(set) var parameters = ParameterTable()
  private(set) var classes = 0
  private(set) var preparedCount = 0
  private(set) var blocks: [Int] = []

  init(
    _ model: ModelSpecification, capacity: ImageCapacity, sizes: BlockSizes, computesInputGradient: Bool
  ) throws {
    self.model = model
    self.capacity = capacity
    self.sizes = sizes
    self.computesInputGradient = computesInputGradient
    _ = try model.outputShapes()
    let channels = model.input.channels
    maps = [
      MapLayout(shape: model.input, channelStride: readsUnpaddedInput ? channels : roundUp(channels, to: 16))
    ]
  }

  /// Only a first convolution or dense layer reads pixels that are not padded to whole vectors, unless the convolution is
  /// to be Winograd's.
  private var readsUnpaddedInput: Bool {
    guard !computesInputGradient else { return false }
    switch model.layers.first(where: { $0.kind != .flatten })?.kind {
    case .conv2d(_, _, _, let algorithm): return algorithm != .winograd
    case .dense: return true
    default: return false
    }
  }

  /// Walks the layers, a ReLU going into the stage before it.
  mutating func addLayers() throws {
    var index = 0
    while index < model.layers.count {
      let layer = model.layers[index]
      let isFollowedByReLU = index + 1 < model.layers.count && model.layers[index + 1].kind == .relu
      switch layer.kind {
      case .conv2d(let filters, let kernelSize, let padding, let algorithm):
        addConvolution(
          layer.name, filters: filters, kernelSize: kernelSize, padding: padding, algorithm: algorithm,
          relu: isFollowedByReLU)
        if isFollowedByReLU { index += 1 }
      case .dense(let units):
        addDense(layer.name, units: units, relu: isFollowedByReLU)
        if isFollowedByReLU { index += 1 }
      case .relu:
        stages.append(.relu)
        addMap(shape: current.shape)
      case .maxPool2d(let ties):
        addPool(layer.name, ties == .all ? .maxAll : .maxFirst)
      case .averagePool2d:
        addPool(layer.name, .average)
      case .flatten:
        break
      case .softmax:
        guard current.shape.height == 1, current.shape.width == 1 else {
          throw UserError(
            .badConfiguration, "model.layers[\(index)] (\(layer.name))",
            "softmax over a map of \(current.shape) is not supported, it takes one value per class",
            hint: "put a dense layer with one unit per class before it")
        }
        classes = current.shape.channels
        stages.append(.softmax(classes: classes))
        addMap(shape: current.shape)
      }
      index += 1
    }
  }

  private var current: MapLayout { maps[maps.count - 1] }

  private mutating func addMap(shape: ImageShape) {
    maps.append(MapLayout(shape: shape, channelStride: roundUp(shape.channels, to: 16)))
  }

  private mutating func addPool(_ name: String, _ kind: PoolKind) {
    stages.append(.pool(PoolStage(name: name, kind: kind, inputIsReLU: stages.last?.fusesReLU ?? false)))
    let shape = current.shape
    addMap(shape: ImageShape(height: shape.height / 2, width: shape.width / 2, channels: shape.channels))
  }

  private mutating func addConvolution(
    _ name: String, filters: Int, kernelSize: Int, padding: Padding, algorithm: ConvolutionAlgorithm, relu: Bool
  ) {
    let before = padding == .same ? (kernelSize - 1) / 2 : 0
    let after = padding == .same ? kernelSize - 1 - before : 0
    let input = current
    let output = ImageShape(
      height: input.shape.height + before + after - kernelSize + 1,
      width: input.shape.width + before + after - kernelSize + 1, channels: filters)
    let (weight, bias) = addParameters(
      name, kind: .convolutionWeight, shape: [kernelSize, kernelSize, input.shape.channels, filters],
      positions: kernelSize * kernelSize, outputs: filters)
    stages.append(
      .convolution(
        ConvolutionStage(
          name: name, kernelSize: kernelSize, padBefore: before, padAfter: after, fusesReLU: relu, weight: weight,
          bias: bias, needsInputGradient: needsInputGradient,
          winograd: WinogradPlan(algorithm, kernelSize: kernelSize, input: input, output: output, sizes: sizes))))
    addMap(shape: output)
  }

  private mutating func addDense(_ name: String, units: Int, relu: Bool) {
    let shape = current.shape
    let (weight, bias) = addParameters(
      name, kind: .denseWeight, shape: [units, shape.elementCount], positions: shape.height * shape.width,
      outputs: units)
    stages.append(
      .dense(
        DenseStage(
          name: name, fusesReLU: relu, weight: weight, bias: bias, needsInputGradient: needsInputGradient)))
    addMap(shape: ImageShape(height: 1, width: 1, channels: units))
  }

  private mutating func addParameters(
    _ name: String, kind: Parameter.Kind, shape: [Int], positions: Int, outputs: Int
  ) -> (weight: Int, bias: Int) {
    let weight = parameters.append(
      Parameter(
        name: "\(name).weight", kind: kind, shape: shape, positions: positions, channels: current.shape.channels,
        channelStride: current.channelStride, outputs: outputs, offset: 0))
    let bias = parameters.append(
      Parameter(
        name: "\(name).bias", kind: .bias, shape: [outputs], positions: 1, channels: 1, channelStride: 1,
        outputs: outputs, offset: 0))
    return (weight, bias)
  }

  /// Behind the first stage with parameters, gradients flow on; before it only on request.
  private var needsInputGradient: Bool { computesInputGradient || stages.contains(where: \.isTrainable) }

  // MARK: Blocks, halos, offset tables and the prepared buffer

  /// Stages before the first dense one (or the softmax).
  var frontCount: Int {
    stages.firstIndex {
      switch $0 {
      case .dense, .softmax: true
      case .convolution, .pool, .relu: false
      }
    } ?? stages.count
  }

  /// Decides on blocks, lays out the halos of maps and gradients, then what depends on them.
  mutating func finish() throws(UserError) {
    gradients = maps.map { MapLayout(shape: $0.shape, channelStride: $0.channelStride) }
    setBlocks()
    setResidences()
    for (i, stage) in stages.enumerated() {
      guard case .convolution(let s) = stage else { continue }
      addHalos(of: s, at: i)
    }
    // Kernels find images by offsets of 32 bits.
    for map in maps + gradients where map.imageStride > Int(Int32.max) / capacity.chunk {
      throw UserError(
        .badConfiguration, "runtime.shard_size",
        "\(capacity.chunk) examples of \(map.shape) take \(capacity.chunk) × \(map.imageStride) values; allowed: at "
          + "most \(Int32.max) together")
    }
    for (i, stage) in stages.enumerated() {
      switch stage {
      case .convolution(var s):
        try requireRows(of: s, at: i)
        place(&s, at: i)
        stages[i] = .convolution(s)
      case .dense(var s):
        s.tables = tables(of: s, at: i)
        stages[i] = .dense(s)
      case .pool, .relu, .softmax: break
      }
    }
  }

  /// Blocks of a power of two images: of a convolution as many as make a group of tiles or a worthwhile output, of any
  /// stage at least as many as of the stage before it.
  private mutating func setBlocks() {
    var block = 1
    for (i, stage) in stages.prefix(frontCount).enumerated() {
      if case .convolution(var s) = stage {
        let images =
          s.winograd?.imagesPerGroup ?? (sizes.mapBytes - 1) / (4 * maps[i + 1].imageStride) + 1
        while block < min(images, capacity.shard) { block *= 2 }
        s.winograd?.setGroups(imagesPerBlock: min(block, capacity.shard), imagesPerShard: capacity.shard)
        stages[i] = .convolution(s)
      }
      blocks.append(block)
    }
    for i in frontCount..<stages.count {
      guard case .convolution(var s) = stages[i] else { continue }
      s.winograd?.setGroups(imagesPerBlock: capacity.shard, imagesPerShard: capacity.shard)
      stages[i] = .convolution(s)
    }
  }

  /// What the front writes and reads within a block is kept for a block; what its backward pass reads, for a chunk.
  private mutating func setResidences() {
    for i in 0..<frontCount {
      maps[i].residence = .chunk
      gradients[i].residence = i == 0 ? .chunk : .block(blocks[i])
      // A pool's backward pass reads its mask, not its input.
      if i > 0, case .pool = stages[i], blocks[i] == blocks[i - 1] { maps[i].residence = .block(blocks[i]) }
    }
    if frontCount > 0 { gradients[frontCount].residence = .chunk }
  }

  private mutating func addHalos(of s: ConvolutionStage, at i: Int) {
    // dX is a correlation of dZ with the flipped kernel; it reads F − 1 − pad pixels outside dZ.
    let early = s.kernelSize - 1 - s.padBefore
    maps[i].top = s.padBefore
    maps[i].left = s.padBefore
    maps[i].bottom = s.padAfter
    maps[i].right = s.padAfter
    if s.needsInputGradient {
      gradients[i + 1].top = early
      gradients[i + 1].left = early
      gradients[i + 1].bottom = s.kernelSize - 1 - s.padAfter
      gradients[i + 1].right = s.kernelSize - 1 - s.padAfter
    }
    guard let plan = s.winograd else { return }
    // Tiles at the edge reach further.
    let input = maps[i].shape
    let output = maps[i + 1].shape
    let m = WinogradSize.outputs
    func after(_ tiles: Int, _ before: Int, _ extent: Int) -> Int {
      WinogradPlan.haloAfter(tiles: tiles, size: plan.size, before: before, extent: extent)
    }
    maps[i].bottom = max(maps[i].bottom, after(plan.outputTileRows, s.padBefore, input.height))
    maps[i].right = max(maps[i].right, after(plan.outputTileColumns, s.padBefore, input.width))
    gradients[i + 1].bottom = max(gradients[i + 1].bottom, plan.outputTileRows * m - output.height)
    gradients[i + 1].right = max(gradients[i + 1].right, plan.outputTileColumns * m - output.width)
    guard s.needsInputGradient else { return }
    gradients[i + 1].bottom = max(gradients[i + 1].bottom, after(plan.inputTileRows, early, output.height))
    gradients[i + 1].right = max(gradients[i + 1].right, after(plan.inputTileColumns, early, output.width))
  }

  /// The direct weight gradient finds its rows, 32 filters each, by offsets of 32 bits.
  private func requireRows(of s: ConvolutionStage, at i: Int) throws(UserError) {
    let rows = s.positions * maps[i].channelStride
    guard s.winograd == nil, (rows - 1) * 32 > Int(Int32.max) else { return }
    let index = model.layers.firstIndex { $0.name == s.name } ?? 0
    throw UserError(
      .badConfiguration, "model.layers[\(index)] (\(s.name))",
      "its kernel takes \(s.kernelSize) × \(s.kernelSize) × \(maps[i].channelStride) × 32 = \(rows * 32) values for 32 "
        + "filters; allowed: at most \(Int(Int32.max) + 1)",
      hint: "use a smaller kernel_size, or fewer channels before it")
  }

  private mutating func place(_ s: inout ConvolutionStage, at i: Int) {
    let channels = maps[i].channelStride
    let filters = maps[i + 1].channelStride
    if let plan = s.winograd {
      s.preparedForward = preparedCount
      preparedCount += plan.size.products * plan.forwardWeightPlane
      s.preparedBackward = preparedCount
      if s.needsInputGradient { preparedCount += plan.size.products * plan.backwardWeightPlane }
      return
    }
    s.preparedBackward = preparedCount
    if s.needsInputGradient { preparedCount += s.positions * roundUp(channels, to: 32) * filters }
    let input = maps[i]
    var weightRows: [Int] = []
    for a in 0..<s.kernelSize {
      for b in 0..<s.kernelSize {
        let start = input.offset(a - s.padBefore, b - s.padBefore)
        for c in 0..<channels { weightRows.append(start + c) }
      }
    }
    let early = s.kernelSize - 1 - s.padBefore
    s.tables = .init(
      forwardInput: OffsetTable(
        pixelsOf: input, shiftedBy: (-s.padBefore, -s.padBefore), shape: maps[i + 1].shape),
      forwardOutput: OffsetTable(pixelsOf: maps[i + 1]), weightRows: OffsetTable(weightRows),
      weightOutput: OffsetTable(count: weightRows.count, stride: 32),
      gradientSource: OffsetTable(pixelsOf: gradients[i + 1], shiftedBy: (-early, -early), shape: input.shape),
      gradientTarget: OffsetTable(pixelsOf: gradients[i]), inputMask: OffsetTable(pixelsOf: input))
  }

  private func tables(of s: DenseStage, at i: Int) -> DenseStage.DenseTables {
    let input = maps[i]
    var units: [Int] = []
    if s.needsInputGradient {
      for row in 0..<input.shape.height {
        for column in 0..<input.shape.width {
          for c in stride(from: 0, to: input.channelStride, by: 16) {
            units.append(gradients[i].offset(row, column) + c)
          }
        }
      }
    }
    return .init(
      inputImages: OffsetTable(count: capacity.chunk, stride: input.imageStride),
      outputImages: OffsetTable(count: capacity.chunk, stride: maps[i + 1].imageStride),
      inputs: OffsetTable(count: sizes.denseRows, stride: 1),
      weightRows: OffsetTable(count: sizes.denseRows, stride: 32),
      transposedRows: OffsetTable(count: sizes.denseRows, stride: roundUp(capacity.chunk, to: 16)),
      inputUnits: OffsetTable(units))
  }
}

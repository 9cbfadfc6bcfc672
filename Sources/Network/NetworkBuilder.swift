import Diagnostics
import KernelInterface

/// Turns the layers of a configuration into stages, maps and parameters.
struct NetworkBuilder {
  private let model: ModelSpecification
  private let maximumExamples: Int
  private let computesInputGradient: Bool
  private(set) var stages: [Stage] = []
  private(set) var maps: [MapLayout] = []
  private(set) var gradients: [MapLayout] = []
  private(set) var parameters = ParameterTable()
  private(set) var classes = 0
  private(set) var preparedCount = 0

  init(_ model: ModelSpecification, maximumExamples: Int, computesInputGradient: Bool) throws {
    self.model = model
    self.maximumExamples = maximumExamples
    self.computesInputGradient = computesInputGradient
    _ = try model.outputShapes()
    // Only a convolution or dense layer reads pixels that are not padded to whole vectors.
    var readsUnpadded = false
    for layer in model.layers {
      if case .flatten = layer.kind { continue }
      switch layer.kind {
      case .conv2d, .dense: readsUnpadded = !computesInputGradient
      default: break
      }
      break
    }
    let channels = model.input.channels
    maps = [
      MapLayout(shape: model.input, channelStride: readsUnpadded ? channels : roundUp(channels, to: 16))
    ]
  }

  /// Walks the layers; map layouts get the halo their consumer needs.
  mutating func addLayers() throws {
    var index = 0
    while index < model.layers.count {
      let layer = model.layers[index]
      let isFollowedByReLU = index + 1 < model.layers.count && model.layers[index + 1].kind == .relu
      switch layer.kind {
      case .conv2d(let filters, let kernelSize, let padding, _):
        addConvolution(layer.name, filters: filters, kernelSize: kernelSize, padding: padding, relu: isFollowedByReLU)
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
    stages.append(.pool(PoolStage(name: name, kind: kind, inputIsReLU: outputIsReLU(stages.count - 1))))
    let shape = current.shape
    addMap(shape: ImageShape(height: shape.height / 2, width: shape.width / 2, channels: shape.channels))
  }

  private mutating func addConvolution(_ name: String, filters: Int, kernelSize: Int, padding: Padding, relu: Bool) {
    let before = padding == .same ? (kernelSize - 1) / 2 : 0
    let after = padding == .same ? kernelSize - 1 - before : 0
    let input = maps.count - 1
    maps[input].top = before
    maps[input].left = before
    maps[input].bottom = after
    maps[input].right = after
    let shape = current.shape
    let output = ImageShape(
      height: shape.height + before + after - kernelSize + 1, width: shape.width + before + after - kernelSize + 1,
      channels: filters)
    addCorrelation(
      name, isDense: false, kernel: (kernelSize, kernelSize), before: before, after: after, output: output, relu: relu)
  }

  private mutating func addDense(_ name: String, units: Int, relu: Bool) {
    let shape = current.shape
    addCorrelation(
      name, isDense: true, kernel: (shape.height, shape.width), before: 0, after: 0,
      output: ImageShape(height: 1, width: 1, channels: units), relu: relu)
  }

  private mutating func addCorrelation(
    _ name: String, isDense: Bool, kernel: (Int, Int), before: Int, after: Int, output: ImageShape, relu: Bool
  ) {
    let input = current
    let positions = kernel.0 * kernel.1
    let channels = input.shape.channels
    let outputs = output.channels
    let weight = parameters.append(
      Parameter(
        name: "\(name).weight", kind: isDense ? .denseWeight : .convolutionWeight,
        shape: isDense ? [outputs, positions * channels] : [kernel.0, kernel.1, channels, outputs],
        positions: positions, channels: channels, channelStride: input.channelStride, outputs: outputs, offset: 0))
    let bias = parameters.append(
      Parameter(
        name: "\(name).bias", kind: .bias, shape: [outputs], positions: 1, channels: 1, channelStride: 1,
        outputs: outputs, offset: 0))
    let needsInputGradient = computesInputGradient || stages.contains { if case .correlation = $0 { true } else { false } }
    let none = OffsetTable([])
    stages.append(
      .correlation(
        CorrelationStage(
          name: name, isDense: isDense, kernelHeight: kernel.0, kernelWidth: kernel.1, padBefore: before,
          padAfter: after, fusesReLU: relu, weight: weight, bias: bias, needsInputGradient: needsInputGradient,
          preparedOffset: 0, inputGradientSegments: 1,
          tables: .init(
            forwardInput: none, forwardOutput: none, weightRows: none, weightOutput: none, inputGradientSource: nil,
            inputGradientTarget: nil, inputMask: nil))))
    addMap(shape: output)
  }

  private func outputIsReLU(_ stage: Int) -> Bool {
    guard stage >= 0, case .correlation(let s) = stages[stage] else { return false }
    return s.fusesReLU
  }

  /// Lays out the gradient maps and fills the offset tables, once all halos are known.
  mutating func finish() {
    gradients = maps.map { MapLayout(shape: $0.shape, channelStride: $0.channelStride) }
    for (i, stage) in stages.enumerated() {
      guard case .correlation(let s) = stage, s.needsInputGradient, !s.isDense else { continue }
      // dX is a correlation of dZ with the flipped kernel; it reads F − 1 − pad pixels outside dZ.
      gradients[i + 1].top = s.kernelHeight - 1 - s.padBefore
      gradients[i + 1].left = s.kernelWidth - 1 - s.padBefore
      gradients[i + 1].bottom = s.kernelHeight - 1 - s.padAfter
      gradients[i + 1].right = s.kernelWidth - 1 - s.padAfter
    }
    for (i, stage) in stages.enumerated() {
      guard case .correlation(var s) = stage else { continue }
      s.tables = tables(of: s, at: i)
      if s.needsInputGradient {
        // Where the gradient of a dense layer's input has a halo, it is computed row by row.
        s.inputGradientSegments = s.isDense && gradients[i].hasHalo ? gradients[i].shape.height : 1
        s.preparedOffset = preparedCount
        let weight = parameters.parameters[s.weight]
        let groups = s.isDense ? s.inputGradientSegments : s.positions
        preparedCount += groups * roundUp(weight.rows / groups, to: 32) * roundUp(weight.outputs, to: 16)
      }
      stages[i] = .correlation(s)
    }
  }

  private func tables(of s: CorrelationStage, at i: Int) -> CorrelationStage.Tables {
    let input = maps[i]
    let output = maps[i + 1]
    let dInput = gradients[i]
    let dOutput = gradients[i + 1]
    let rows = parameters.parameters[s.weight].rows
    let weightOutput = OffsetTable(count: rows, stride: 32)
    let masks = i > 0 && outputIsReLU(i - 1)
    if s.isDense {
      return .init(
        forwardInput: OffsetTable(count: maximumExamples, stride: input.imageStride),
        forwardOutput: OffsetTable(count: maximumExamples, stride: output.imageStride),
        weightRows: OffsetTable(count: rows, stride: 1), weightOutput: weightOutput,
        inputGradientSource: OffsetTable(count: maximumExamples, stride: dOutput.imageStride),
        inputGradientTarget: OffsetTable(count: maximumExamples, stride: dInput.imageStride, from: dInput.origin),
        inputMask: masks ? OffsetTable(count: maximumExamples, stride: input.imageStride) : nil)
    }
    var weightRows: [Int] = []
    for a in 0..<s.kernelHeight {
      for b in 0..<s.kernelWidth {
        let start = input.offset(a - s.padBefore, b - s.padBefore)
        for c in 0..<input.channelStride { weightRows.append(start + c) }
      }
    }
    return .init(
      forwardInput: OffsetTable(
        pixelsOf: input, shiftedBy: (-s.padBefore, -s.padBefore), shape: output.shape),
      forwardOutput: OffsetTable(pixelsOf: output),
      weightRows: OffsetTable(weightRows), weightOutput: weightOutput,
      inputGradientSource: OffsetTable(
        pixelsOf: dOutput, shiftedBy: (s.padBefore - s.kernelHeight + 1, s.padBefore - s.kernelWidth + 1),
        shape: input.shape),
      inputGradientTarget: OffsetTable(pixelsOf: dInput),
      inputMask: masks ? OffsetTable(pixelsOf: input) : nil)
  }
}

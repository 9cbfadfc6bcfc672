import Network
import ReferenceKernels

/// The layers of a random net.
struct RandomLayers {
  /// The most products of one image's forward pass.
  private static let mostProducts = 200_000

  private(set) var model: ModelSpecification
  /// Products of one image's forward pass.
  private(set) var products = 0
  private var entries: [ModelEntry] = []
  private var names = LayerNames()
  private var shape: ValueShape
  private var usesWinograd = false
  /// Whether convolutions and dense layers may have norms after them.
  let hasNorms: Bool

  init(_ draw: inout Draw) {
    // Half of the images have sides that two pools take.
    let suitsPools = draw.chance(50)
    let height = suitsPools ? 4 * (1 + draw.below(3)) : 1 + draw.below(14)
    let width = draw.chance(50) ? height : suitsPools ? 4 * (1 + draw.below(3)) : 1 + draw.below(14)
    let input = ImageShape(height: height, width: width, channels: draw.pick([1, 1, 2, 3, 5, 16, 17, 32]))
    shape = ValueShape(input)
    hasNorms = draw.chance(35)
    model = ModelSpecification(input: input, layers: [])
    addFront(&draw)
    addEnd(&draw)
    model = ModelSpecification(input: input, entries: entries)
  }

  // MARK: Layers

  /// Adds a layer if it fits and is not too much work; reports whether it did.
  @discardableResult
  private mutating func add(_ kind: LayerKind) -> Bool {
    guard let output = try? kind.type.outputShape([shape]) else { return false }
    let cost = kind.type.products([shape], output: output)
    guard shape.isFlat || products + cost <= Self.mostProducts else { return false }
    entries.append(.layer(LayerSpecification(name: names.next(kind.typeName), kind: kind)))
    (shape, products) = (output, products + cost)
    return true
  }

  /// A ReLU with this probability in percent, and sometimes a second, which stands alone.
  private mutating func addReLUs(_ draw: inout Draw, percent: Int) {
    guard draw.chance(percent) else { return }
    add(draw.chance(25) ? Self.otherActivation(&draw) : .relu)
    if draw.chance(20) { add(.relu) }
  }

  /// An activation other than a plain ReLU.
  private static func otherActivation(_ draw: inout Draw) -> LayerKind {
    draw.pick([
      LayerKind(LeakyReLU(slope: draw.pick([0.01, 0.2, -0.5]))), LayerKind(GELU()), LayerKind(SiLU()),
      LayerKind(ReLU(maximum: draw.pick([0.5, 6]))),
    ])
  }

  /// A norm with a large epsilon, as channels with next to no variance would blow up rounding.
  private static func norm(_ draw: inout Draw) -> LayerKind {
    LayerKind(BatchNorm(epsilon: draw.pick([0.1, 0.02]), center: draw.chance(80), scale: draw.chance(80)))
  }

  /// A block of two convolutions, each with a norm where the net has norms; its shortcut is a convolution where the number of
  /// channels or the strides ask for one.
  private mutating func addResidual(_ draw: inout Draw) {
    guard !shape.isFlat else { return }
    let (filters, strides) = (draw.chance(60) ? shape.image.channels : draw.pick([3, 16, 20]), draw.pick([1, 1, 2]))
    let size = draw.pick([1, 3, 3])
    func plain(_ filters: Int, _ size: Int, _ strides: Int) -> [LayerKind] {
      let window = Window(Extent(size), strides: Extent(strides), padding: .same)
      let layer = Conv2D(filters: filters, window, usesBias: !hasNorms, algorithm: size == 1 ? .auto : .direct)
      return [LayerKind(layer)] + (hasNorms ? [Self.norm(&draw)] : [])
    }
    let inner = draw.chance(70) ? filters : draw.pick([7, 16, 24])
    let layers = plain(inner, size, strides) + (draw.chance(80) ? [.relu] : []) + plain(filters, 3, 1)
    let projects = strides > 1 || filters != shape.image.channels
    let block = ResidualBlock(
      name: names.next(ResidualBlock.typeName), layers: TestNetworks.named(layers),
      shortcut: projects ? TestNetworks.named(plain(filters, 1, strides)) : [],
      activation: draw.pick([nil, .relu, .relu, .relu6, LayerKind(SiLU())]), times: projects ? 1 : 1 + draw.below(2))
    guard let (output, cost) = try? block.outcome(shape), products + cost <= Self.mostProducts else { return }
    (shape, products) = (output, products + cost)
    entries.append(.residual(block))
  }

  private mutating func addFront(_ draw: inout Draw) {
    for _ in 0..<draw.below(6) {
      switch draw.below(11) {
      case 0, 1, 2, 3, 4:
        let (size, filters) = (
          draw.pick([1, 2, 3, 3, 3, 4, 5, 5, 6, 7]), draw.pick([1, 3, 5, 7, 16, 17, 31, 32, 33, 40, 48])
        )
        addConvolution(size, filters, draw.chance(40) ? .valid : .same, &draw)
      case 5: addReLUs(&draw, percent: 100)
      case 6, 7: addResidual(&draw)
      default:
        if add(Self.pool(&draw)) {
          addReLUs(&draw, percent: 20)
        }
      }
    }
  }

  /// Pools of 2×2 pixels, or of any window.
  private static func pool(_ draw: inout Draw) -> LayerKind {
    var patch = Window(Extent(2), strides: Extent(2))
    if draw.chance(60) {
      patch = window(draw.pick([1, 2, 2, 3, 3, 3, 4, 6]), &draw, dilated: false)
      if case .sides(let sides) = patch.padding {
        let most = patch.size
        patch.padding = .sides(
          Halo(
            top: min(sides.top, most.height - 1), bottom: min(sides.bottom, most.height - 1),
            left: min(sides.left, most.width - 1), right: min(sides.right, most.width - 1)))
      }
    }
    return draw.pick([
      LayerKind(MaxPool2D(patch, ties: .all)), LayerKind(MaxPool2D(patch, ties: .first)),
      LayerKind(AveragePool2D(patch)),
    ])
  }

  private mutating func addConvolution(_ size: Int, _ filters: Int, _ padding: Padding, _ draw: inout Draw) {
    if draw.chance(15) {
      let isNormed = hasNorms && draw.chance(60)
      let layer = DepthwiseConv2D(
        Self.window(size, &draw, dilated: false), multiplier: draw.pick([1, 1, 1, 2, 3]),
        usesBias: !isNormed && draw.chance(70))
      if add(LayerKind(layer)) { addFollowers(&draw, isNormed: isNormed) }
      return
    }
    if draw.chance(40) {
      let isNormed = hasNorms && draw.chance(60)
      let channels = shape.image.channels
      let groups = draw.chance(70) ? 1 : draw.pick((1...channels).filter { channels.isMultiple(of: $0) })
      let layer = Conv2D(
        filters: groups > 1 && draw.chance(80) ? groups * (1 + draw.below(3)) : filters, Self.window(size, &draw),
        groups: groups, usesBias: !isNormed && draw.chance(70), algorithm: draw.pick([.auto, .auto, .direct]))
      guard add(LayerKind(layer)) else { return }
      usesWinograd = usesWinograd || layer.algorithm != .direct
      return addFollowers(&draw, isNormed: isNormed)
    }
    let hasTransforms = size == 3 || size == 5
    let algorithm = draw.pick([.auto, .direct] + (hasTransforms ? [.winograd] : []) as [ConvolutionAlgorithm])
    guard add(.conv2d(filters: filters, kernelSize: size, padding: padding, algorithm: algorithm)) else { return }
    usesWinograd = usesWinograd || (algorithm != .direct && hasTransforms)
    addReLUs(&draw, percent: 60)
  }

  /// What follows a layer with weights.
  private mutating func addFollowers(_ draw: inout Draw, isNormed: Bool) {
    if isNormed { add(Self.norm(&draw)) }
    addReLUs(&draw, percent: 60)
  }

  /// A window with one or several things that are not plain; its algorithm may be Winograd's only where nothing but its
  /// padding is unusual.
  private static func window(_ size: Int, _ draw: inout Draw, dilated: Bool = true) -> Window {
    var window = Window(Extent(size), padding: draw.chance(50) ? .same : .valid)
    if draw.chance(30) { window.size = Extent(size, 1 + draw.below(4)) }
    if draw.chance(50) { window.strides = Extent(draw.pick([2, 2, 2, 3])) }
    if draw.chance(20) { window.strides = Extent(1 + draw.below(3), 1 + draw.below(4)) }
    if dilated, draw.chance(25) { window.dilation = Extent(1 + draw.below(3), 1 + draw.below(3)) }
    if draw.chance(40) {
      window.padding = .sides(
        draw.chance(50)
          ? Halo(top: 1, bottom: 1, left: 1, right: 1)
          : Halo(top: draw.below(4), bottom: draw.below(4), left: draw.below(4), right: draw.below(4)))
    }
    return window
  }

  /// Softmax over a map of one pixel where there is one or can be one, else over a dense layer.
  private mutating func addEnd(_ draw: inout Draw) {
    if shape.image.height == shape.image.width, shape.image.height > 1, draw.chance(40) {
      addConvolution(shape.image.height, draw.pick([1, 2, 3, 10, 17]), .valid, &draw)
    }
    let pools = !shape.isFlat && draw.chance(15) && add(LayerKind(GlobalAveragePool2D()))
    let hasWeights = entries.contains { entry in
      guard case .layer(let layer) = entry else { return true }
      return layer.kind.type is Conv2D || layer.kind.type is DepthwiseConv2D
    }
    let endsInMap = hasWeights && shape.image.height == 1 && shape.image.width == 1 && draw.chance(70)
    if !pools { add(.flatten) }
    addReLUs(&draw, percent: 10)
    if !endsInMap {
      for units in [draw.pick([0, 1, 7, 24, 33]), draw.pick([0, 0, 9, 65]), 1 + draw.pick([0, 1, 2, 4, 9, 16, 32])]
      where units > 0 {
        add(LayerKind(Dense(units: units, usesBias: draw.chance(80))))
        addReLUs(&draw, percent: 40)
      }
    }
    add(.softmax)
  }

  // MARK: Decisions

  /// Whether every ReLU and every maximum after the first weights would decide the same with rounded inputs.
  func isClear(_ pass: ReferenceNetwork.Pass, _ graph: ModelGraph) -> Bool {
    let precision = usesWinograd ? 5e-5 : hasNorms ? 2e-5 : 1e-5
    var isRounded = false
    for layer in graph.layers {
      let x = pass.activations[layer.inputs[0]]
      let margin = precision * (x.values.lazy.map(abs).max() ?? 0)
      switch layer.kind.type {
      case is Conv2D, is DepthwiseConv2D, is Dense, is BatchNorm, is GELU, is SiLU: isRounded = true
      case let relu as ReLU where relu.maximum.map { limit in x.values.contains { abs($0 - limit) < margin } } == true:
        return false
      case is ReLU, is LeakyReLU:
        // What is 0 went through a ReLU before and is exact.
        if isRounded, x.values.contains(where: { $0 != 0 && abs($0) < margin }) { return false }
      case is MaxPool2D:
        if isRounded, let pool = layer.kind.type as? MaxPool2D, !hasClearMaxima(x, pool, margin: margin) {
          return false
        }
      case is AveragePool2D, is GlobalAveragePool2D, is Flatten, is Add, is Softmax: break
      default: preconditionFailure("A random net has a layer of a type whose decisions are unknown.")
      }
    }
    return true
  }

  private func hasClearMaxima(_ x: Tensor4, _ pool: MaxPool2D, margin: Double) -> Bool {
    guard let shape = try? pool.outputShape([ValueShape(ImageShape(height: x.height, width: x.width, channels: 1))])
    else { return false }
    var patches = [[(i: Int, j: Int)]](repeating: [], count: shape.image.elementCount)
    pool.window.reference.forEachTap(x) { result, _, pixel in
      guard 0..<x.height ~= pixel.i, 0..<x.width ~= pixel.j else { return }
      patches[result.i * shape.image.width + result.j].append(pixel)
    }
    for n in 0..<x.count {
      for patch in patches where patch.count > 1 {
        for c in 0..<x.channels {
          let values = patch.map { x[n, $0.i, $0.j, c] }.sorted().suffix(2)
          let (second, first) = (values[values.startIndex], values[values.startIndex + 1])
          let isTie = first == 0 && second == 0
          if !isTie, first - second < margin + 1e-5 * abs(first) + 1e-8 { return false }
        }
      }
    }
    return true
  }
}

extension ResidualBlock {
  /// The shape of its output over images, and the products of a forward pass over one.
  func outcome(_ input: ValueShape) throws -> (shape: ValueShape, products: Int) {
    let end = TestNetworks.named([.flatten, .softmax]).map { ModelEntry.layer($0) }
    let graph = try ModelGraph(ModelSpecification(input: input.image, entries: [.residual(self)] + end))
    let products = graph.layers.reduce(0) {
      $0 + $1.kind.type.products(graph.shapes($1.inputs), output: graph.values[$1.output].shape)
    }
    return (graph.values[graph.layers[graph.layers.count - 2].inputs[0]].shape, products)
  }
}

import Network
import ReferenceKernels

/// The layers of a random net, with the shapes of their parameters.
struct RandomLayers {
  /// Products of one image's forward pass that are enough.
  private static let mostProducts = 200_000

  private(set) var model: ModelSpecification
  private(set) var classes = 0
  /// Name, public shape, and fan-in of a weight (0 for a bias).
  private(set) var parameters: [(name: String, shape: [Int], fanIn: Int)] = []
  /// Multiplications of one image's forward pass.
  private(set) var products = 0
  private var kinds: [LayerKind] = []
  private var shape: ImageShape
  private var usesWinograd = false

  init(_ draw: inout Draw) {
    // Half of the images have sides that two pools take.
    let suitsPools = draw.chance(50)
    let height = suitsPools ? 4 * (1 + draw.below(3)) : 1 + draw.below(14)
    let width = draw.chance(50) ? height : suitsPools ? 4 * (1 + draw.below(3)) : 1 + draw.below(14)
    shape = ImageShape(height: height, width: width, channels: draw.pick([1, 1, 2, 3, 5, 16, 17, 32]))
    model = ModelSpecification(input: shape, layers: [])
    addFront(&draw)
    addEnd(&draw)
    model.layers = TestNetworks.named(kinds)
    nameParameters()
  }

  // MARK: Layers

  private mutating func addFront(_ draw: inout Draw) {
    for _ in 0..<draw.below(6) {
      switch draw.below(9) {
      case 0, 1, 2, 3, 4: addConvolution(&draw)
      case 5: kinds.append(.relu)
      default: addPool(&draw)
      }
    }
  }

  /// A ReLU with so many percent, and sometimes a second, which stands alone.
  private mutating func addReLUs(_ draw: inout Draw, percent: Int) {
    guard draw.chance(percent) else { return }
    kinds.append(.relu)
    if draw.chance(20) { kinds.append(.relu) }
  }

  private mutating func addConvolution(_ draw: inout Draw) {
    let size = draw.pick([1, 2, 3, 3, 3, 4, 5, 5, 6, 7])
    let filters = draw.pick([1, 3, 5, 7, 16, 17, 31, 32, 33, 40, 48])
    let fits = size <= min(shape.height, shape.width)
    let padding: Padding = fits && draw.chance(40) ? .valid : .same
    add(size, filters, padding, &draw)
  }

  /// Adds it unless it is too much work; reports whether it did.
  @discardableResult
  private mutating func add(_ size: Int, _ filters: Int, _ padding: Padding, _ draw: inout Draw) -> Bool {
    let lost = padding == .valid ? size - 1 : 0
    let out = ImageShape(height: shape.height - lost, width: shape.width - lost, channels: filters)
    let cost = out.elementCount * size * size * shape.channels
    guard products + cost <= Self.mostProducts else { return false }
    // Forced Winograd is legal for two kernels, on maps that are padded to whole vectors: not on some images.
    let mayForce = (size == 3 || size == 5) && (!kinds.isEmpty || shape.channels.isMultiple(of: 16))
    let algorithm = draw.pick(mayForce ? [.auto, .direct, .winograd] : [.auto, .direct] as [ConvolutionAlgorithm])
    kinds.append(.conv2d(filters: filters, kernelSize: size, padding: padding, algorithm: algorithm))
    usesWinograd = usesWinograd || (algorithm != .direct && (size == 3 || size == 5))
    (shape, products) = (out, products + cost)
    addReLUs(&draw, percent: 60)
    return true
  }

  private mutating func addPool(_ draw: inout Draw) {
    guard shape.height.isMultiple(of: 2), shape.width.isMultiple(of: 2) else { return }
    kinds.append(draw.pick([.maxPool2d(ties: .all), .maxPool2d(ties: .first), .averagePool2d]))
    (shape.height, shape.width) = (shape.height / 2, shape.width / 2)
    addReLUs(&draw, percent: 20)
  }

  /// Softmax over a map of one pixel where there is one or can be one, else over a dense layer.
  private mutating func addEnd(_ draw: inout Draw) {
    if shape.height == shape.width, shape.height > 1, draw.chance(40) {
      add(shape.height, draw.pick([1, 2, 3, 10, 17]), .valid, &draw)
    }
    let hasWeights = kinds.contains { if case .conv2d = $0 { true } else { false } }
    let mayEnd = hasWeights && shape.height == 1 && shape.width == 1 && draw.chance(70)
    kinds.append(.flatten)
    addReLUs(&draw, percent: 10)
    if !mayEnd {
      for units in [draw.pick([0, 1, 7, 24, 33]), draw.pick([0, 0, 9, 65]), 1 + draw.pick([0, 1, 2, 4, 9, 16, 32])]
      where units > 0 {
        kinds.append(.dense(units: units))
        products += shape.elementCount * units
        shape = ImageShape(height: 1, width: 1, channels: units)
        addReLUs(&draw, percent: 40)
      }
    }
    kinds.append(.softmax)
    classes = shape.elementCount
  }

  private mutating func nameParameters() {
    var (channels, elements) = (model.input.channels, model.input.elementCount)
    let shapes = (try? model.outputShapes()) ?? []
    precondition(shapes.count == model.layers.count, "A random net is not legal: \(model.layers).")
    for (layer, output) in zip(model.layers, shapes) {
      switch layer.kind {
      case .conv2d(let filters, let size, _, _):
        parameters.append(("\(layer.name).weight", [size, size, channels, filters], size * size * channels))
        parameters.append(("\(layer.name).bias", [filters], 0))
      case .dense(let units):
        parameters.append(("\(layer.name).weight", [units, elements], elements))
        parameters.append(("\(layer.name).bias", [units], 0))
      case .relu, .maxPool2d, .averagePool2d, .flatten, .softmax: break
      }
      (channels, elements) = (output.channels, output.elementCount)
    }
  }

  // MARK: Decisions

  /// Whether every ReLU and every maximum after the first weights would decide the same with rounded inputs.
  func isClear(_ pass: ReferenceNetwork.Pass) -> Bool {
    let precision = usesWinograd ? 5e-5 : 1e-5
    var isRounded = false
    for (layer, x) in zip(model.layers, pass.activations) {
      let margin = precision * (x.values.lazy.map(abs).max() ?? 0)
      switch layer.kind {
      case .conv2d, .dense: isRounded = true
      case .relu:
        // What is 0 went through a ReLU before and is exact.
        if isRounded, x.values.contains(where: { $0 != 0 && abs($0) < margin }) { return false }
      case .maxPool2d:
        if isRounded, !hasClearMaxima(x, margin: margin) { return false }
      case .averagePool2d, .flatten, .softmax: break
      }
    }
    return true
  }

  private func hasClearMaxima(_ x: Tensor4, margin: Double) -> Bool {
    for n in 0..<x.count {
      for i in 0..<x.height / 2 {
        for j in 0..<x.width / 2 {
          for c in 0..<x.channels {
            let patch = [
              x[n, 2 * i, 2 * j, c], x[n, 2 * i, 2 * j + 1, c], x[n, 2 * i + 1, 2 * j, c],
              x[n, 2 * i + 1, 2 * j + 1, c],
            ].sorted()
            let isTie = patch[3] == 0 && patch[2] == 0
            if !isTie, patch[3] - patch[2] < margin + 1e-5 * abs(patch[3]) + 1e-8 { return false }
          }
        }
      }
    }
    return true
  }
}

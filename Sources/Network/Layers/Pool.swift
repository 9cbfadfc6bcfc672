import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// Which elements of a max-pooling patch receive the gradient: all close to the maximum (the post's mask) or the first.
package enum PoolTies: String, Hashable, Sendable, CaseIterable { case all, first }

/// Maximum of each patch; a pixel's gradient is the sum of those of the patches whose maximum it is.
package struct MaxPool2D: LayerType {
  package static let typeName = "max_pool2d"
  package static let keys =
    Pooling.keys + [
      ConfigurationKey(
        "ties", .choice(of: PoolTies.self), default: .string(PoolTies.all.rawValue),
        "Which pixels of a patch receive the gradient: all close to the maximum, or the first that equals it.")
    ]

  package var window: Window
  package var ties: PoolTies

  package init(_ window: Window = Pooling.pairs, ties: PoolTies) {
    self.window = window
    self.ties = ties
  }

  package init(_ values: KeyValues) {
    window = Pooling.window(values)
    ties = values.choice("ties", as: PoolTies.self)
  }

  package var values: KeyValues { KeyValues(Pooling.values(window).members + [.init("ties", .string(ties.rawValue))]) }
  package var summary: String {
    Pooling.summary(Self.typeName, window) + (ties == .all ? "" : ", ties \(ties.rawValue)")
  }
  package var traits: LayerTraits { Pooling.traits }
  private var kind: PoolKind { ties == .all ? .maxAll : .maxFirst }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try Pooling.outputShape(inputs[0], window, Self.typeName)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }
  package func reference(_ step: ReferenceStep) -> ReferenceResult { Pooling.reference(kind, window, step.x) }
  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { Pooling.layer(kind, window, place) }
}

/// Mean of each patch, of those pixels that lie in the image; each of them receives its share of the gradient.
package struct AveragePool2D: LayerType {
  package static let typeName = "avg_pool2d"
  package static let keys = Pooling.keys

  package var window: Window

  package init(_ window: Window = Pooling.pairs) { self.window = window }
  package init(_ values: KeyValues) { window = Pooling.window(values) }
  package var values: KeyValues { Pooling.values(window) }
  package var summary: String { Pooling.summary(Self.typeName, window) }
  package var traits: LayerTraits { Pooling.traits }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try Pooling.outputShape(inputs[0], window, Self.typeName)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }
  package func reference(_ step: ReferenceStep) -> ReferenceResult { Pooling.reference(.average, window, step.x) }
  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { Pooling.layer(.average, window, place) }
}

/// Mean of each channel over the whole image; its output is flat, one value per channel.
package struct GlobalAveragePool2D: LayerType {
  package static let typeName = "global_avg_pool2d"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { Pooling.traits }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireImage(Self.typeName)
    return .flat(inputs[0].image.channels)
  }

  /// One patch, the whole image.
  private func window(_ image: ImageShape) -> Window {
    let size = Extent(image.height, image.width)
    return Window(size, strides: size)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    return Pooling.reference(
      .average, window(ImageShape(height: x.height, width: x.width, channels: x.channels)), x)
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }

  package func layer(_ place: LayerPlace) -> any Layer {
    Pooling.layer(.average, window(place.input.shape), place)
  }
}

extension LayerKind {
  package static func maxPool2d(ties: PoolTies) -> LayerKind { LayerKind(MaxPool2D(ties: ties)) }
  package static var averagePool2d: LayerKind { LayerKind(AveragePool2D()) }
}

/// What all kinds of pooling have in common.
package enum Pooling {
  /// The post's patches of 2×2 pixels, side by side.
  package static let pairs = Window(Extent(2), strides: Extent(2))

  static let keys = [
    ConfigurationKey(
      "pool_size", .integers(WindowKeys.size, per: "height", "width"), default: .integer(2),
      "Height and width of a patch."),
    ConfigurationKey(
      "strides", .integers(WindowKeys.size, per: "height", "width"), otherwise: "`pool_size`",
      "Pixels from one patch to the next."),
    WindowKeys.padding("Rows and columns around the image, as of a conv2d; they take no part in a maximum or a mean."),
  ]
  /// A pool keeps a mask instead of its input.
  static let traits: LayerTraits = [.masksInputGradient, .forgetsInput]

  static func window(_ values: KeyValues) -> Window {
    let size = Extent(values, "pool_size")
    return Window(
      size, strides: values["strides"] == nil ? size : Extent(values, "strides"), padding: Padding(values))
  }

  static func values(_ window: Window) -> KeyValues {
    [
      "pool_size": .integers(window.size.sides), "strides": .integers(window.strides.sides),
      "padding": .integers(window.padding.sides, or: window.padding.word),
    ]
  }

  static func summary(_ typeName: String, _ window: Window) -> String {
    "\(typeName) \(window.size)" + (window.strides == window.size ? "" : ", strides \(window.strides)")
      + (window.padding == .valid ? "" : ", \(window.padding.summary)")
  }

  static func outputShape(
    _ input: ValueShape, _ window: Window, _ typeName: String
  ) throws(LayerMisfit) -> ValueShape {
    try input.requireImage(typeName)
    if case .sides(let sides) = window.padding,
      max(sides.top, sides.bottom) >= window.size.height || max(sides.left, sides.right) >= window.size.width
    {
      throw LayerMisfit(
        "found padding \(window.padding.sides) with pool_size \(window.size); allowed: less than pool_size on each side, "
          + "as a patch needs a pixel of the image")
    }
    return ValueShape(try window.outputShape(input.image, channels: input.image.channels, name: "pool_size"))
  }

  static func reference(_ kind: PoolKind, _ window: Window, _ x: Tensor4) -> ReferenceResult {
    let named: ReferencePooling.Kind =
      switch kind {
      case .maxAll: .maxAll
      case .maxFirst: .maxFirst
      case .average: .average
      }
    let pooling = ReferencePooling(named, window.reference)
    return ReferenceResult(output: pooling.forward(x)) {
      ReferenceGradients(inputs: [pooling.inputGradient(x, dout: $0)])
    }
  }

  static func layer(_ kind: PoolKind, _ window: Window, _ place: LayerPlace) -> any Layer {
    let shape = place.input.shape
    let isPairs =
      window.size == Extent(2) && window.strides == Extent(2) && window.placed(on: shape).halo == Halo()
      && shape.height.isMultiple(of: 2) && shape.width.isMultiple(of: 2)
    return isPairs ? PairPoolLayer(kind, place) : WindowPoolLayer(kind, window.placed(on: shape), place)
  }
}

import ConfigurationKeys
import ReferenceKernels

/// A convolution of each channel by itself, `depth_multiplier` results per channel: those of channel c are the channels
/// `c · depth_multiplier …` of the output. As a `conv2d` with as many groups as channels.
package struct DepthwiseConv2D: LayerType {
  package static let typeName = "depthwise_conv2d"
  package static let keys = [
    ConfigurationKey(
      "kernel_size", .integers(WindowKeys.size, per: "height", "width"), "Height and width of the kernel in pixels."),
    WindowKeys.strides,
    WindowKeys.padding("Zeros at the border, as of a conv2d."),
    ConfigurationKey("depth_multiplier", .integer(1...1024), default: .integer(1), "Results per channel."),
    ConfigurationKey("use_bias", .bool, default: .bool(true), "Whether a bias is added."),
    Initializer.key,
  ]

  package var window: Window
  package var multiplier: Int
  package var usesBias: Bool
  package var initializer: Initializer

  package init(
    _ window: Window, multiplier: Int = 1, usesBias: Bool = true, initializer: Initializer = .heNormal
  ) {
    self.window = window
    self.multiplier = multiplier
    self.usesBias = usesBias
    self.initializer = initializer
  }

  package init(_ values: KeyValues) {
    window = Window(
      Extent(values, "kernel_size"), strides: Extent(values, "strides"), padding: Padding(values))
    multiplier = values.integer("depth_multiplier")
    usesBias = values.bool("use_bias")
    initializer = Initializer(values)
  }

  package var values: KeyValues {
    [
      "kernel_size": .integers(window.size.sides), "strides": .integers(window.strides.sides),
      "padding": .integers(window.padding.sides, or: window.padding.word), "depth_multiplier": .integer(multiplier),
      "use_bias": .bool(usesBias), "initializer": .string(initializer.rawValue),
    ]
  }

  package var summary: String {
    "\(Self.typeName) \(window.size)" + (multiplier == 1 ? "" : "×\(multiplier)") + ", \(window.summary)"
      + (usesBias ? "" : ", no bias") + initializer.suffix
  }

  package var traits: LayerTraits { [.appliesReLU, .masksInputGradient] }

  /// The same convolution with as many groups as channels.
  private func convolution(_ channels: Int) -> Conv2D {
    Conv2D(
      filters: channels * multiplier, window, groups: channels, usesBias: usesBias, algorithm: .direct,
      initializer: initializer)
  }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireImage(Self.typeName)
    guard multiplier >= 1 else { throw LayerMisfit("found depth_multiplier \(multiplier); allowed: at least 1") }
    return try convolution(inputs[0].image.channels).outputShape(inputs)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let channels = inputs[0].image.channels
    var parameters = convolution(channels).parameters(inputs)
    // The same values in the same order: channel by channel its filters.
    parameters[0].shape = [window.size.height, window.size.width, channels, multiplier]
    return parameters
  }

  package var withBias: (any LayerType)? {
    var own = self
    own.usesBias = true
    return own
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int {
    convolution(inputs[0].image.channels).products(inputs, output: output)
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult { convolution(step.x.channels).reference(step) }

  package func demands(_ site: LayerSite) throws(LayerMisfit) -> LayerDemands {
    try convolution(site.inputs[0].channels).demands(site)
  }

  package func layer(_ place: LayerPlace) -> any Layer { convolution(place.input.shape.channels).layer(place) }
}

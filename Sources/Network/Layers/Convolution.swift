import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// How a convolution is computed. The choice is part of the numerics and never depends on the machine.
package enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable { case auto, direct, winograd }

/// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n, i·s + a·d − before, j·s + b·d − before, c] · W[a,b,c,k] + b[k]`, `filters` results per
/// place of the window, with strides s and dilation rate d; X is 0 outside.
///
/// With groups, channels and filters are cut into as many equal parts; each part of the filters sees its own part of the
/// channels alone, and c counts within it.
/// Computed as a plain sum (`DirectConvolution`, in groups `GroupedConvolution`) or by Winograd's method
/// (`WinogradConvolution`).
package struct Conv2D: LayerType {
  package static let typeName = "conv2d"
  package static let keys = [
    ConfigurationKey("filters", .integer(1...65536), "Channels of the output."),
    ConfigurationKey(
      "kernel_size", .integers(WindowKeys.size, per: "height", "width"), "Height and width of the kernel in pixels."),
    WindowKeys.strides,
    WindowKeys.padding(
      "Zeros at the border: none, as many as give ⌈height / strides⌉ by ⌈width / strides⌉ results (where their number is odd, "
        + "one more after the image than before it), or so many."),
    ConfigurationKey(
      "groups", .integer(1...65536), default: .integer(1),
      "Parts of the channels and of the filters, each part of the filters over its part of the channels."),
    WindowKeys.dilation,
    ConfigurationKey("use_bias", .bool, default: .bool(true), "Whether a bias is added."),
    Initializer.key(Initializer.allCases),
    ConfigurationKey(
      "algorithm", .choice(of: ConvolutionAlgorithm.self), default: .string(ConvolutionAlgorithm.auto.rawValue),
      "How it is computed: part of the result, as the methods round differently; auto goes by the shapes alone."),
  ]

  package var filters: Int
  package var window: Window
  package var groups: Int
  package var usesBias: Bool
  package var algorithm: ConvolutionAlgorithm
  package var initializer: Initializer

  package init(
    filters: Int, _ window: Window, groups: Int = 1, usesBias: Bool = true, algorithm: ConvolutionAlgorithm = .auto,
    initializer: Initializer = .heNormal
  ) {
    self.filters = filters
    self.window = window
    self.groups = groups
    self.usesBias = usesBias
    self.algorithm = algorithm
    self.initializer = initializer
  }

  package init(_ values: KeyValues) {
    filters = values.integer("filters")
    window = Window(
      Extent(values, "kernel_size"), strides: Extent(values, "strides"), dilation: Extent(values, "dilation_rate"),
      padding: Padding(values))
    groups = values.integer("groups")
    usesBias = values.bool("use_bias")
    algorithm = values.choice("algorithm", as: ConvolutionAlgorithm.self)
    initializer = Initializer(values)
  }

  package var values: KeyValues {
    [
      "filters": .integer(filters), "kernel_size": .integers(window.size.sides),
      "strides": .integers(window.strides.sides), "padding": .integers(window.padding.sides, or: window.padding.word),
      "groups": .integer(groups), "dilation_rate": .integers(window.dilation.sides), "use_bias": .bool(usesBias),
      "initializer": .string(initializer.rawValue), "algorithm": .string(algorithm.rawValue),
    ]
  }

  package var summary: String {
    "\(Self.typeName) \(window.size)×\(filters), " + (groups == 1 ? "" : "\(groups) groups, ") + window.summary
      + (usesBias ? "" : ", no bias") + initializer.suffix
      + (algorithm == .auto ? "" : ", \(algorithm.rawValue)")
  }

  package var traits: LayerTraits {
    let both: LayerTraits = [.appliesReLU, .masksInputGradient]
    return algorithm == .winograd || groups > 1 ? both : both.union(.readsUnpaddedInput)
  }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireImage(Self.typeName)
    let channels = inputs[0].image.channels
    guard filters >= 1, groups >= 1 else {
      throw LayerMisfit("found filters \(filters), groups \(groups); allowed: at least 1")
    }
    guard channels.isMultiple(of: groups), filters.isMultiple(of: groups) else {
      throw LayerMisfit(
        "groups \(groups) meets \(channels) channels and \(filters) filters; allowed: a number that divides both")
    }
    if algorithm == .winograd { try requireTransforms() }
    if initializer == .patchWhitening { try requireWhitening(channels: channels) }
    return ValueShape(try window.outputShape(inputs[0].image, channels: filters, name: "kernel_size"))
  }

  /// The transforms of Winograd's method that compute it; `nil` where there are none.
  private var transforms: WinogradSize? {
    groups == 1 && window.strides == Extent(1) && window.dilation == Extent(1)
      && window.size.height == window.size.width
      ? WinogradSize(kernelSize: window.size.height) : nil
  }

  private func requireTransforms() throws(LayerMisfit) {
    guard transforms == nil else { return }
    let (found, allowed) =
      if groups > 1 {
        ("groups \(groups)", "groups 1, as its products are over all channels")
      } else if window.strides != Extent(1) {
        ("strides \(window.strides)", "strides 1, as the transforms give neighbouring results")
      } else if window.dilation != Extent(1) {
        ("dilation_rate \(window.dilation)", "dilation_rate 1, as the transforms take neighbouring pixels")
      } else {
        ("kernel_size \(window.size)", "kernel_size 3 or 5, for which there are transforms")
      }
    throw LayerMisfit(
      "found algorithm \"winograd\" with \(found); allowed: \(allowed)",
      hint: "algorithm \"auto\" takes Winograd's method where it helps")
  }

  /// There are as many whitening filters as values in a patch, and each may have its negative beside it.
  private func requireWhitening(channels: Int) throws(LayerMisfit) {
    let patch = window.size.count * channels
    guard groups == 1, window.dilation == Extent(1), patch <= 192, filters <= 2 * patch else {
      throw LayerMisfit(
        "initializer \"patch_whitening\" meets filters \(filters), kernel_size \(window.size), groups \(groups), dilation_rate "
          + "\(window.dilation); allowed: at most 2 · \(patch) filters, twice the values of a patch, of which there may be 192, "
          + "groups 1, dilation_rate 1")
    }
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let channels = inputs[0].image.channels / groups
    let weight = ParameterSpecification(
      "weight", layout: groups == 1 ? .convolution : .groupedConvolution,
      shape: [window.size.height, window.size.width, channels, filters],
      positions: window.size.count, channels: channels, outputs: filters,
      initialValue: initializer.initialValue(
        middle: window.size.height / 2 * window.size.width + window.size.width / 2, groups: groups))
    return usesBias ? [weight, .bias(filters)] : [weight]
  }

  package var withBias: (any LayerType)? {
    var own = self
    own.usesBias = true
    return own
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int {
    output.image.elementCount * window.size.count * (inputs[0].image.channels / groups)
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let convolution = ReferenceConvolution(window.reference, filters: filters, groups: groups)
    let (x, w) = (step.x, step.parameter("weight"))
    let bias = usesBias ? step.parameter("bias") : nil
    return ReferenceResult(output: convolution.forward(x, w: w, bias: bias)) { dz in
      let (dw, db) = convolution.parameterGradients(x, dz: dz)
      return ReferenceGradients(
        inputs: [convolution.inputGradient(x, dz: dz, w: w)],
        parameters: usesBias ? ["weight": dw, "bias": db] : ["weight": dw])
    }
  }

  package func demands(_ site: LayerSite) throws(LayerMisfit) -> LayerDemands {
    let placed = window.placed(on: site.inputs[0])
    var demands = LayerDemands()
    demands.inputHalo = placed.halo
    if site.needsInputGradient { demands.gradientHalo = GradientClasses(placed).halo }
    if let plan = winogradPlan(placed, site.inputMaps[0], site.output, site.sizes) {
      plan.extend(&demands, site.needsInputGradient)
      demands.imagesPerBlock = plan.imagesPerGroup
      demands.addsInputGradient = true
    } else {
      try requireOffsets(
        channels: isDepthwise(site.inputs[0]) ? 1 : bundles(site.inputMaps[0], site.outputMap).largest)
      demands.imagesPerBlock = ConvolutionSums.imagesPerBlock(site)
    }
    return demands
  }

  /// The direct weight gradient finds its rows, 32 filters each, by offsets of 32 bits.
  private func requireOffsets(channels: Int) throws(LayerMisfit) {
    let rows = window.size.count * channels
    guard (rows - 1) * 32 > Int(Int32.max) else { return }
    throw LayerMisfit(
      "its kernel takes \(window.size.height) × \(window.size.width) × \(channels) × 32 = \(rows * 32) values for 32 "
        + "filters; allowed: at most \(Int(Int32.max) + 1)",
      hint: "use a smaller kernel_size, or fewer channels before it")
  }

  package func layer(_ place: LayerPlace) -> any Layer {
    let own = ConvolutionPlace(window.placed(on: place.input.shape), place)
    if let plan = winogradPlan(own.window, place.input.map, place.output.shape, place.sizes) {
      return WinogradConvolution(own, plan, place)
    }
    let isDepthwise = isDepthwise(place.input.shape)
    return groups == 1 || isDepthwise
      ? DirectConvolution(own, place, isDepthwise: isDepthwise)
      : GroupedConvolution(own, bundles(place.input.map, place.output.map), place)
  }

  /// Whether every channel is a group with one filter.
  private func isDepthwise(_ input: ImageShape) -> Bool {
    groups > 1 && groups == input.channels && groups == filters
  }

  private func bundles(_ input: MapLayout, _ output: MapLayout) -> ChannelBundles {
    ChannelBundles(
      groups, channels: input.shape.channels, filters: filters, channelStride: input.channelStride,
      filterStride: output.channelStride)
  }

  private func winogradPlan(
    _ placed: PlacedWindow, _ input: MapLayout, _ output: ImageShape, _ sizes: BlockSizes
  ) -> WinogradPlan? {
    transforms.flatMap { WinogradPlan(algorithm, $0, placed, input: input, output: output, sizes: sizes) }
  }
}

extension LayerKind {
  /// A convolution with a square kernel and stride 1.
  package static func conv2d(
    filters: Int, kernelSize: Int, padding: Padding, algorithm: ConvolutionAlgorithm
  ) -> LayerKind {
    LayerKind(Conv2D(filters: filters, Window(Extent(kernelSize), padding: padding), algorithm: algorithm))
  }
}

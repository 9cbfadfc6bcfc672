import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// How a convolution is computed. The choice is part of the numerics and never depends on the machine.
package enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable { case auto, direct, winograd }

/// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n, i·s + a·d − before, j·s + b·d − before, c] · W[a,b,c,k] + b[k]`, `filters` results per
/// place of the window, with strides s and dilation rate d; X is 0 outside.
///
/// Computed as a plain sum (`DirectConvolution`) or by Winograd's method (`WinogradConvolution`).
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
    WindowKeys.dilation,
    ConfigurationKey("use_bias", .bool, default: .bool(true), "Whether a bias is added."),
    ConfigurationKey(
      "algorithm", .choice(of: ConvolutionAlgorithm.self), default: .string(ConvolutionAlgorithm.auto.rawValue),
      "How it is computed: part of the result, as the methods round differently; auto goes by the shapes alone."),
  ]

  package var filters: Int
  package var window: Window
  package var usesBias: Bool
  package var algorithm: ConvolutionAlgorithm

  package init(
    filters: Int, _ window: Window, usesBias: Bool = true, algorithm: ConvolutionAlgorithm = .auto
  ) {
    self.filters = filters
    self.window = window
    self.usesBias = usesBias
    self.algorithm = algorithm
  }

  package init(_ values: KeyValues) {
    filters = values.integer("filters")
    window = Window(
      Extent(values, "kernel_size"), strides: Extent(values, "strides"), dilation: Extent(values, "dilation_rate"),
      padding: Padding(values))
    usesBias = values.bool("use_bias")
    algorithm = values.choice("algorithm", as: ConvolutionAlgorithm.self)
  }

  package var values: KeyValues {
    [
      "filters": .integer(filters), "kernel_size": .integers(window.size.sides),
      "strides": .integers(window.strides.sides), "padding": .integers(window.padding.sides, or: window.padding.word),
      "dilation_rate": .integers(window.dilation.sides), "use_bias": .bool(usesBias),
      "algorithm": .string(algorithm.rawValue),
    ]
  }

  package var summary: String {
    "\(Self.typeName) \(window.size)×\(filters), \(window.summary)"
      + (usesBias ? "" : ", no bias") + (algorithm == .auto ? "" : ", \(algorithm.rawValue)")
  }

  package var traits: LayerTraits {
    let both: LayerTraits = [.appliesReLU, .masksInputGradient]
    return algorithm == .winograd ? both : both.union(.readsUnpaddedInput)
  }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireImage(Self.typeName)
    guard filters >= 1 else { throw LayerMisfit("found filters \(filters); allowed: at least 1") }
    if algorithm == .winograd { try requireTransforms() }
    return ValueShape(try window.outputShape(inputs[0].image, channels: filters, name: "kernel_size"))
  }

  /// The transforms of Winograd's method that compute it; `nil` where there are none.
  private var transforms: WinogradSize? {
    window.strides == Extent(1) && window.dilation == Extent(1) && window.size.height == window.size.width
      ? WinogradSize(kernelSize: window.size.height) : nil
  }

  private func requireTransforms() throws(LayerMisfit) {
    guard transforms == nil else { return }
    let (found, allowed) =
      if window.strides != Extent(1) {
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

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let channels = inputs[0].image.channels
    let weight = ParameterSpecification(
      "weight", layout: .convolution, shape: [window.size.height, window.size.width, channels, filters],
      positions: window.size.count, channels: channels, outputs: filters)
    return usesBias ? [weight, .bias(filters)] : [weight]
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int {
    output.image.elementCount * window.size.count * inputs[0].image.channels
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let convolution = ReferenceConvolution(window.reference, filters: filters)
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
    } else {
      try requireOffsets(channels: site.inputMaps[0].channelStride)
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
    guard let plan = winogradPlan(own.window, place.input.map, place.output.shape, place.sizes) else {
      return DirectConvolution(own, place)
    }
    return WinogradConvolution(own, plan, place)
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

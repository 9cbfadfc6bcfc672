import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// How a convolution treats the border: `same` keeps H and W (zero padding), `valid` shrinks them by F − 1.
package enum Padding: String, Hashable, Sendable, CaseIterable { case same, valid }

/// How a convolution is computed. The choice is part of the numerics and never depends on the machine.
package enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable { case auto, direct, winograd }

/// `Z[n,i,j,k] = Σ_a Σ_b Σ_c X[n,i+a,j+b,c] · W[a,b,c,k] + b[k]` with stride 1 and `filters` results per pixel.
///
/// Computed as a plain sum (`DirectConvolution`) or by Winograd's method (`WinogradConvolution`).
package struct Conv2D: LayerType {
  package static let typeName = "conv2d"
  package static let keys = [
    ConfigurationKey("filters", .integer(1...65536), "Channels of the output."),
    ConfigurationKey("kernel_size", .integer(1...1024), "Height and width of the kernel in pixels."),
    ConfigurationKey("strides", .fixed(1), default: .integer(1), "Pixels from one result to the next."),
    ConfigurationKey(
      "padding", .choice(of: Padding.self), default: .string(Padding.valid.rawValue),
      "same keeps height and width by zeros at the border, valid shrinks them by kernel_size − 1."),
    ConfigurationKey(
      "algorithm", .choice(of: ConvolutionAlgorithm.self), default: .string(ConvolutionAlgorithm.auto.rawValue),
      "How it is computed: part of the result, as the methods round differently; auto goes by the shapes alone."),
  ]

  package var filters: Int
  package var kernelSize: Int
  package var padding: Padding
  package var algorithm: ConvolutionAlgorithm

  package init(filters: Int, kernelSize: Int, padding: Padding, algorithm: ConvolutionAlgorithm) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.padding = padding
    self.algorithm = algorithm
  }

  package init(_ values: KeyValues) {
    filters = values.integer("filters")
    kernelSize = values.integer("kernel_size")
    padding = values.choice("padding", as: Padding.self)
    algorithm = values.choice("algorithm", as: ConvolutionAlgorithm.self)
  }

  package var values: KeyValues {
    [
      "filters": .integer(filters), "kernel_size": .integer(kernelSize), "padding": .string(padding.rawValue),
      "algorithm": .string(algorithm.rawValue),
    ]
  }

  package var summary: String {
    "\(Self.typeName) \(kernelSize)×\(kernelSize)×\(filters), \(padding.rawValue)"
      + (algorithm == .auto ? "" : ", \(algorithm.rawValue)")
  }

  package var traits: LayerTraits {
    let both: LayerTraits = [.appliesReLU, .masksInputGradient]
    return algorithm == .winograd ? both : both.union(.readsUnpaddedInput)
  }

  /// Zero rows and columns before and after an image.
  var padBefore: Int { padding == .same ? (kernelSize - 1) / 2 : 0 }
  var padAfter: Int { padding == .same ? kernelSize - 1 - padBefore : 0 }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireImage(Self.typeName)
    var shape = inputs[0].image
    guard filters >= 1, kernelSize >= 1 else {
      throw LayerMisfit("found filters \(filters), kernel_size \(kernelSize); allowed: at least 1")
    }
    if algorithm == .winograd, WinogradSize(kernelSize: kernelSize) == nil {
      throw LayerMisfit(
        "found algorithm \"winograd\" with kernel_size \(kernelSize); allowed: kernel_size 3 or 5, for which there are "
          + "transforms", hint: "algorithm \"auto\" takes Winograd's method where it helps")
    }
    shape.channels = filters
    guard padding == .valid else { return ValueShape(shape) }
    let side = min(shape.height, shape.width)
    guard kernelSize <= side else {
      throw LayerMisfit(
        "kernel_size \(kernelSize) with padding \"valid\" meets an image of \(shape.height)×\(shape.width); "
          + "allowed: at most \(side)", hint: "padding \"same\" takes any kernel_size")
    }
    shape.height -= kernelSize - 1
    shape.width -= kernelSize - 1
    return ValueShape(shape)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let channels = inputs[0].image.channels
    return [
      ParameterSpecification(
        "weight", layout: .convolution, shape: [kernelSize, kernelSize, channels, filters],
        positions: kernelSize * kernelSize, channels: channels, outputs: filters),
      .bias(filters),
    ]
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int {
    output.image.elementCount * kernelSize * kernelSize * inputs[0].image.channels
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let convolution = ReferenceConvolution(kernelSize: kernelSize, same: padding == .same, filters: filters)
    let (x, w) = (step.x, step.parameter("weight"))
    return ReferenceResult(output: convolution.forward(x, w: w, bias: step.parameter("bias"))) { dz in
      let (dw, db) = convolution.parameterGradients(x, dz: dz)
      return ReferenceGradients(
        inputs: [convolution.inputGradient(x, dz: dz, w: w)], parameters: ["weight": dw, "bias": db])
    }
  }

  package func demands(_ site: LayerSite) throws(LayerMisfit) -> LayerDemands {
    // dX is a correlation of dZ with the flipped kernel; it reads F − 1 − pad pixels outside dZ.
    let early = kernelSize - 1 - padBefore
    let late = kernelSize - 1 - padAfter
    var demands = LayerDemands()
    demands.inputHalo = Halo(top: padBefore, bottom: padAfter, left: padBefore, right: padAfter)
    if site.needsInputGradient { demands.gradientHalo = Halo(top: early, bottom: late, left: early, right: late) }
    if let plan = winogradPlan(site.inputMaps[0], site.output, site.sizes) {
      plan.extend(&demands, padBefore: padBefore, input: site.inputs[0], output: site.output, site.needsInputGradient)
      demands.imagesPerBlock = plan.imagesPerGroup
    } else {
      try requireOffsets(channels: site.inputMaps[0].channelStride)
      demands.imagesPerBlock = (site.sizes.mapBytes - 1) / (4 * site.outputMap.imageStride) + 1
    }
    return demands
  }

  /// The direct weight gradient finds its rows, 32 filters each, by offsets of 32 bits.
  private func requireOffsets(channels: Int) throws(LayerMisfit) {
    let rows = kernelSize * kernelSize * channels
    guard (rows - 1) * 32 > Int(Int32.max) else { return }
    throw LayerMisfit(
      "its kernel takes \(kernelSize) × \(kernelSize) × \(channels) × 32 = \(rows * 32) values for 32 filters; allowed: "
        + "at most \(Int(Int32.max) + 1)", hint: "use a smaller kernel_size, or fewer channels before it")
  }

  package func layer(_ place: LayerPlace) -> any Layer {
    guard let plan = winogradPlan(place.input.map, place.output.shape, place.sizes) else {
      return DirectConvolution(self, place)
    }
    return WinogradConvolution(self, plan, place)
  }

  private func winogradPlan(_ input: MapLayout, _ output: ImageShape, _ sizes: BlockSizes) -> WinogradPlan? {
    WinogradPlan(algorithm, kernelSize: kernelSize, input: input, output: output, sizes: sizes)
  }
}

extension LayerKind {
  package static func conv2d(
    filters: Int, kernelSize: Int, padding: Padding, algorithm: ConvolutionAlgorithm
  ) -> LayerKind {
    LayerKind(Conv2D(filters: filters, kernelSize: kernelSize, padding: padding, algorithm: algorithm))
  }
}

/// What both ways to compute a convolution know about it.
struct ConvolutionPlace {
  let kernelSize: Int
  let padBefore: Int
  let input: PlacedValue
  let output: PlacedValue
  let weight: PlacedParameter
  let bias: PlacedParameter
  let appliesReLU: Bool
  let needsInputGradient: Bool

  init(_ convolution: Conv2D, _ place: LayerPlace) {
    kernelSize = convolution.kernelSize
    padBefore = convolution.padBefore
    input = place.input
    output = place.output
    weight = place.parameters[0]
    bias = place.parameters[1]
    appliesReLU = place.appliesReLU
    needsInputGradient = place.needsInputGradient[0]
  }

  var positions: Int { kernelSize * kernelSize }
  /// Channels of input and output as the maps hold them.
  var channels: Int { input.map.channelStride }
  var filters: Int { output.map.channelStride }
  /// Rows and columns that the input gradient reads before the first pixel of dZ.
  var early: Int { kernelSize - 1 - padBefore }
  /// Blocks of 32 input channels.
  var channelBlocks: Int { roundUp(channels, to: 32) / 32 }

  /// Turns `[K/32][position][C][32]` into lanes of channels with the positions reversed, for a block of 32 channels and
  /// some filters.
  func transpose(
    _ source: UnsafePointer<Float>, block: Int, filters: Range<Int>, into target: UnsafeMutablePointer<Float>,
    filterStride: Int, positionStride: Int
  ) {
    let rows = weight.parameter.rows
    for position in 0..<positions {
      let to = target + (positions - 1 - position) * positionStride
      for lane in 0..<min(32, channels - block * 32) {
        let row = position * channels + block * 32 + lane
        for k in filters {
          to[(k - filters.lowerBound) * filterStride + lane] = source[(k / 32 * rows + row) * 32 + k % 32]
        }
      }
    }
  }
}

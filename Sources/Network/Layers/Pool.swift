import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// Which elements of a max-pooling patch receive the gradient: all near the maximum (the post's mask) or the first.
package enum PoolTies: String, Hashable, Sendable, CaseIterable { case all, first }

/// Maximum over patches of 2×2; `dX = mask ⊙ repeat2x2(dOut)`.
package struct MaxPool2D: LayerType {
  package static let typeName = "max_pool2d"
  package static let keys =
    Pooling.keys + [
      ConfigurationKey(
        "ties", .choice(of: PoolTies.self), default: .string(PoolTies.all.rawValue),
        "Which pixels of a patch receive the gradient: all close to the maximum, or the first that equals it.")
    ]

  package var ties: PoolTies

  package init(ties: PoolTies) { self.ties = ties }
  package init(_ values: KeyValues) { ties = values.choice("ties", as: PoolTies.self) }
  package var values: KeyValues { ["ties": .string(ties.rawValue)] }
  package var summary: String { "\(Self.typeName) 2×2" + (ties == .all ? "" : ", ties \(ties.rawValue)") }
  package var traits: LayerTraits { Pooling.traits }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try Pooling.outputShape(inputs[0], Self.typeName)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    Pooling.reference(ties == .all ? .maxAll : .maxFirst, step.x)
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { PoolLayer(ties == .all ? .maxAll : .maxFirst, place) }
}

/// Mean over patches of 2×2; `dX = 0.25 · repeat2x2(dOut)`.
package struct AveragePool2D: LayerType {
  package static let typeName = "avg_pool2d"
  package static let keys = Pooling.keys

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { "\(Self.typeName) 2×2" }
  package var traits: LayerTraits { Pooling.traits }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try Pooling.outputShape(inputs[0], Self.typeName)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }
  package func reference(_ step: ReferenceStep) -> ReferenceResult { Pooling.reference(.average, step.x) }
  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { PoolLayer(.average, place) }
}

extension LayerKind {
  package static func maxPool2d(ties: PoolTies) -> LayerKind { LayerKind(MaxPool2D(ties: ties)) }
  package static var averagePool2d: LayerKind { LayerKind(AveragePool2D()) }
}

/// What both kinds of pooling have in common.
private enum Pooling {
  static let keys = [
    ConfigurationKey("pool_size", .fixed(2), default: .integer(2), "Height and width of a patch."),
    ConfigurationKey("strides", .fixed(2), default: .integer(2), "Pixels from one patch to the next."),
  ]
  /// A pool keeps a mask instead of its input.
  static let traits: LayerTraits = [.masksInputGradient, .forgetsInput]

  static func outputShape(_ input: ValueShape, _ typeName: String) throws(LayerMisfit) -> ValueShape {
    try input.requireImage(typeName)
    var shape = input.image
    guard shape.height.isMultiple(of: 2), shape.width.isMultiple(of: 2) else {
      throw LayerMisfit(
        "a 2×2 pool meets the input shape \(shape); allowed: even height and width",
        hint: "change model.input, or padding or kernel_size of a conv2d before it")
    }
    shape.height /= 2
    shape.width /= 2
    return ValueShape(shape)
  }

  static func reference(_ pooling: ReferencePooling, _ x: Tensor4) -> ReferenceResult {
    let (output, mask) = pooling.forward(x)
    return ReferenceResult(output: output) {
      ReferenceGradients(inputs: [ReferencePooling.backward(dout: $0, mask: mask)])
    }
  }
}

private final class PoolLayer: Layer {
  private let kind: PoolKind
  private let index: Int
  private let input: PlacedValue
  private let output: PlacedValue
  let memory: LayerMemory
  let algorithm = "elementwise"

  init(_ kind: PoolKind, _ place: LayerPlace) {
    self.kind = kind
    index = place.index
    input = place.input
    output = place.output
    var memory = LayerMemory()
    memory.maskPerImage =
      output.shape.height
      * PoolArguments.maskRow(outWidth: output.shape.width, channels: output.map.channelStride)
    self.memory = memory
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    pass.kernels.poolForward(
      kind, arguments(slice), pass.map(input, slice) + input.map.origin, pass.map(output, slice) + output.map.origin,
      pass.isInference ? nil : mask(pass, slice))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    pass.kernels.poolBackward(
      kind, arguments(slice), mask(pass, slice), pass.gradient(output, slice) + output.gradient.origin,
      pass.gradient(input, slice) + input.gradient.origin)
  }

  private func mask(_ pass: borrowing Pass, _ slice: ImageSlice) -> UnsafeMutablePointer<Int32> {
    pass.memory.masks[index] + (slice.first - slice.chunkStart) * memory.maskPerImage
  }

  private func arguments(_ slice: ImageSlice) -> PoolArguments {
    PoolArguments(
      images: slice.count, outHeight: output.shape.height, outWidth: output.shape.width,
      channels: input.map.channelStride, xRow: input.map.rowStride, xImage: input.map.imageStride,
      outRow: output.map.rowStride, outImage: output.map.imageStride, dxRow: input.gradient.rowStride,
      dxImage: input.gradient.imageStride, doutRow: output.gradient.rowStride,
      doutImage: output.gradient.imageStride, inputIsReLU: input.isMasked)
  }
}

import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// A batch norm that is not trained: `Y = γ · (X − μ) / √(σ² + ε) + β` with the running mean and variance, which stay as they
/// are. Training passes compute what inferences do, without meetings.
package struct FrozenBatchNorm: LayerType {
  package static let typeName = BatchNorm.typeName
  package static let keys = BatchNorm.keys

  package let norm: BatchNorm

  init(_ norm: BatchNorm) { self.norm = norm }
  package init(_ values: KeyValues) { norm = BatchNorm(values) }

  package var values: KeyValues { norm.values }
  package var summary: String { norm.summary }
  package var traits: LayerTraits { norm.traits }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape { try norm.outputShape(inputs) }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { norm.parameters(inputs) }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    let (mean, variance) = (step.parameter("running_mean"), step.parameter("running_var"))
    let factors = variance.enumerated().map { channel, variance in
      (norm.scale ? step.parameter("weight")[channel] : 1) / (variance + norm.epsilon).squareRoot()
    }
    func mapped(_ values: [Double], _ body: (Double, _ channel: Int) -> Double) -> [Double] {
      values.enumerated().map { body($1, $0 % x.channels) }
    }
    let output = mapped(x.values) { value, channel in
      (value - mean[channel]) * factors[channel] + (norm.center ? step.parameter("bias")[channel] : 0)
    }
    return ReferenceResult(output: x.with(values: output)) { gradient in
      ReferenceGradients(inputs: [x.with(values: mapped(gradient.values) { $0 * factors[$1] })])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { FrozenBatchNormLayer(norm, place) }
}

extension LayerKind {
  /// The norm that a layer is, trained or not.
  package var norm: BatchNorm? { type as? BatchNorm ?? (type as? FrozenBatchNorm)?.norm }
}

private final class FrozenBatchNormLayer: Layer {
  private let epsilon: Double
  private let input: PlacedValue
  private let output: PlacedValue
  private let relu: FusedReLU?
  private let preparedOffset: Int
  private let weight: Int?
  private let bias: Int?
  private let runningMean: Int
  private let runningVariance: Int
  private let channels: Int
  /// Channels with their padding.
  private let lanes: Int
  let memory: LayerMemory
  let algorithm = "elementwise"

  /// Rows of `lanes` floats: those of `Normalization`, then those of `NormalizationGradient`, of which one is not 0.
  private static let rows = 7
  private static let gradientRows = 3

  init(_ type: BatchNorm, _ place: LayerPlace) {
    func offset(_ part: String) -> Int? {
      place.parameters.first { $0.parameter.specification.part == part }?.offset
    }
    guard let mean = offset("running_mean"), let variance = offset("running_var") else {
      fatalError("The norm \(place.name) has no running statistics.")
    }
    epsilon = type.epsilon
    input = place.input
    output = place.output
    relu = place.relu
    preparedOffset = place.preparedOffset
    weight = offset("weight")
    bias = offset("bias")
    runningMean = mean
    runningVariance = variance
    channels = input.shape.channels
    lanes = input.map.channelStride
    var memory = LayerMemory()
    memory.prepared = Self.rows * lanes
    self.memory = memory
  }

  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let rows = prepared + preparedOffset
    for channel in lanes * part / parts..<lanes * (part + 1) / parts {
      for row in 0..<Self.rows { rows[row * lanes + channel] = 0 }
      guard channel < channels else { continue }
      let inverse = 1 / (Double(weights[runningVariance + channel]) + epsilon).squareRoot()
      let scale = Double(weight.map { weights[$0 + channel] } ?? 1) * inverse
      rows[channel] = weights[runningMean + channel]
      rows[lanes + channel] = Float(scale)
      rows[2 * lanes + channel] = bias.map { weights[$0 + channel] } ?? 0
      rows[(Self.gradientRows + 1) * lanes + channel] = Float(scale)
    }
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (x, out) = (pass.map(input, slice), pass.map(output, slice))
    pass.kernels.normalize(
      Normalization(
        extent(slice), x: source(x, input.map),
        out: NormMap(out + output.map.origin, image: output.map.imageStride, row: output.map.rowStride),
        channels: pass.prepared + preparedOffset, relu: relu))
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of _: Int) {
    let (dx, map) = (pass.gradient(input, slice), input.gradient)
    pass.kernels.normalizeGradient(
      NormalizationGradient(
        extent(slice), x: source(pass.map(input, slice), input.map),
        dout: source(pass.gradient(output, slice), output.gradient),
        dx: NormMap(dx + map.origin, image: map.imageStride, row: map.rowStride),
        channels: pass.prepared + preparedOffset + Self.gradientRows * lanes))
  }

  private func extent(_ slice: ImageSlice) -> NormExtent {
    NormExtent(images: slice.count, height: input.shape.height, width: input.shape.width, lanes: lanes)
  }

  private func source(_ start: UnsafeMutablePointer<Float>, _ map: MapLayout) -> NormMap<UnsafePointer<Float>> {
    NormMap(UnsafePointer(start + map.origin), image: map.imageStride, row: map.rowStride)
  }
}

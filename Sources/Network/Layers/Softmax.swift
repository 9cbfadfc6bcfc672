import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// Softmax with cross-entropy: `ŷ_j = e^{z_j} / Σ_k e^{z_k}`, `J = −1/m Σ_n Σ_k y_k log ŷ_k`, `dZ = ŷ − y`.
///
/// While training, its forward pass writes `dZ` into the gradient of the logits; an inference writes ŷ.
package struct Softmax: LayerType {
  package static let typeName = "softmax"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [.isLoss, .takesChunks] }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    try inputs[0].requireFlat(Self.typeName)
    return inputs[0]
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    let (probabilities, loss, dz) = ReferenceSoftmax.evaluate(x.values, classes: x.channels, labels: step.labels)
    return ReferenceResult(output: x.with(values: probabilities), loss: loss) { _ in
      ReferenceGradients(inputs: [x.with(values: dz)])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { SoftmaxLayer(place) }
}

extension LayerKind {
  package static var softmax: LayerKind { LayerKind(Softmax()) }
}

private final class SoftmaxLayer: Layer {
  private let input: PlacedValue
  private let output: PlacedValue
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ place: LayerPlace) {
    input = place.input
    output = place.output
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let memory = pass.memory
    var arguments = SoftmaxArguments(
      examples: slice.count, classes: output.shape.channels, logits: pass.map(input, slice) + input.map.origin,
      stride: input.map.imageStride, labels: memory.labels + slice.first,
      probabilities: pass.isInference ? pass.map(output, slice) : nil,
      gradient: pass.isInference ? nil : pass.gradient(input, slice) + input.gradient.origin,
      gradientStride: input.gradient.imageStride, losses: memory.losses + slice.first,
      correct: memory.correct + slice.first)
    if !pass.isInference {
      arguments.smoothing = pass.targets.smoothing
      arguments.others = pass.targets.others.map { $0 + slice.first }
      arguments.shares = pass.targets.shares.map { $0 + slice.first }
    }
    pass.kernels.softmax(arguments)
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  /// The forward pass wrote it.
  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of input: Int) {}
}

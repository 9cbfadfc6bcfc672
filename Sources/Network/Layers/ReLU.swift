import ConfigurationKeys
import ReferenceKernels

/// `A = max(Z, 0)`; the gradient passes where Z > 0, so not at exactly 0.
///
/// After a convolution or dense layer, that layer applies it, and the layer that computes its output's gradient masks it.
package struct ReLU: LayerType {
  package static let typeName = "relu"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [.isReLU] }

  package func outputShape(_ inputs: [ValueShape]) -> ValueShape { inputs[0] }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    return ReferenceResult(output: x.with(values: ReferenceReLU.forward(x.values))) { gradient in
      ReferenceGradients(inputs: [x.with(values: ReferenceReLU.backward(x.values, da: gradient.values))])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { ActivationLayer(.relu, place) }
}

extension LayerKind {
  package static var relu: LayerKind { LayerKind(ReLU()) }
}

import ConfigurationKeys
import ReferenceKernels

/// `A = Z · Φ(Z)`, Φ being the distribution function of the standard normal distribution, not an approximation of it
/// (Hendrycks and Gimpel 2016).
package struct GELU: LayerType {
  package static let typeName = "gelu"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [] }

  package func outputShape(_ inputs: [ValueShape]) -> ValueShape { inputs[0] }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    return ReferenceResult(output: x.with(values: x.values.map(ReferenceGELU.forward))) { gradient in
      let dx = zip(x.values, gradient.values).map { $1 * ReferenceGELU.slope($0) }
      return ReferenceGradients(inputs: [x.with(values: dx)])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { ActivationLayer(.gelu, place) }
}

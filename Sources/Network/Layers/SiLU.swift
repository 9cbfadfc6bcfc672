import ConfigurationKeys
import ReferenceKernels

/// `A = Z · σ(Z)` with `σ(z) = 1 / (1 + e^−z)` (Elfwing et al. 2018); also called swish.
package struct SiLU: LayerType {
  package static let typeName = "silu"
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
    return ReferenceResult(output: x.with(values: x.values.map(ReferenceSiLU.forward))) { gradient in
      let dx = zip(x.values, gradient.values).map { $1 * ReferenceSiLU.slope($0) }
      return ReferenceGradients(inputs: [x.with(values: dx)])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { ActivationLayer(.silu, place) }
}

import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// `A = Z` where Z ≥ 0, else `slope · Z`; the gradient passes where Z > 0, elsewhere times `slope` (Maas et al. 2013).
package struct LeakyReLU: LayerType {
  package static let typeName = "leaky_relu"
  package static let keys = [
    ConfigurationKey(
      "negative_slope", .number(.any), default: .number(0.01), "What values below 0 are multiplied by.")
  ]

  package var slope: Double

  package init(slope: Double) { self.slope = slope }
  package init(_ values: KeyValues) { slope = values.number("negative_slope") }
  package var values: KeyValues { ["negative_slope": .number(slope)] }
  package var summary: String { slope == 0.01 ? Self.typeName : "\(Self.typeName), negative_slope \(slope)" }
  package var traits: LayerTraits { [] }

  package func outputShape(_ inputs: [ValueShape]) -> ValueShape { inputs[0] }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let (x, slope) = (step.x, Double(Float(slope)))
    return ReferenceResult(
      output: x.with(values: x.values.map { ReferenceLeakyReLU.forward($0, slope: slope) })
    ) { gradient in
      let dx = zip(x.values, gradient.values).map { ReferenceLeakyReLU.backward($0, da: $1, slope: slope) }
      return ReferenceGradients(inputs: [x.with(values: dx)])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }

  package func layer(_ place: LayerPlace) -> any Layer {
    ActivationLayer(.leakyReLU(slope: Float(slope)), place)
  }
}

import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// `A = max(Z, 0)`; the gradient passes where Z > 0, so not at exactly 0. With a maximum, `A = min(max(Z, 0), maximum)`, and
/// the gradient passes where 0 < Z < maximum.
///
/// The layer before applies it where it can, and the layer that computes its output's gradient masks it.
package struct ReLU: LayerType {
  package static let typeName = "relu"
  package static let keys = [
    ConfigurationKey(
      "max_value", .number(.positive), otherwise: "none", "The largest result; larger values have no gradient.")
  ]

  package var maximum: Double?

  package init(maximum: Double? = nil) { self.maximum = maximum }
  package init(_ values: KeyValues) { maximum = values["max_value"] == nil ? nil : values.number("max_value") }
  package var values: KeyValues { maximum.map { ["max_value": .number($0)] } ?? [:] }
  package var summary: String { maximum.map { "\(Self.typeName), max_value \($0)" } ?? Self.typeName }
  package var traits: LayerTraits { maximum == nil ? [] : [.forgetsInput, .readsOutput] }
  package var relu: FusedReLU? { FusedReLU(limit: maximum.map { Float($0) } ?? .infinity) }

  package func outputShape(_ inputs: [ValueShape]) -> ValueShape { inputs[0] }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    if let maximum {
      let limit = Double(Float(maximum))
      return ReferenceResult(
        output: x.with(values: x.values.map { ReferenceClippedReLU.forward($0, limit: limit) })
      ) { gradient in
        let dx = zip(x.values, gradient.values).map { ReferenceClippedReLU.backward($0, da: $1, limit: limit) }
        return ReferenceGradients(inputs: [x.with(values: dx)])
      }
    }
    return ReferenceResult(output: x.with(values: ReferenceReLU.forward(x.values))) { gradient in
      ReferenceGradients(inputs: [x.with(values: ReferenceReLU.backward(x.values, da: gradient.values))])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }

  package func layer(_ place: LayerPlace) -> any Layer {
    ActivationLayer(FusedReLU(limit: maximum.map { Float($0) } ?? .infinity).activation, place)
  }
}

extension LayerKind {
  package static var relu: LayerKind { LayerKind(ReLU()) }
  /// `min(max(z, 0), 6)` (Krizhevsky 2010).
  package static var relu6: LayerKind { LayerKind(ReLU(maximum: 6)) }
}

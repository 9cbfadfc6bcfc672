import ConfigurationKeys
import ReferenceKernels

/// An image as flat values, row-major over (height, width, channel): another name for the same memory.
package struct Flatten: LayerType {
  package static let typeName = "flatten"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [.renames] }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    guard !inputs[0].isFlat else { throw LayerMisfit("its input is flat already; allowed: one flatten") }
    return .flat(inputs[0].image.elementCount)
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let x = step.x
    let shape = ImageShape(height: 1, width: 1, channels: x.height * x.width * x.channels)
    return ReferenceResult(output: x.with(shape)) { ReferenceGradients(inputs: [x.with(values: $0.values)]) }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }

  package func layer(_ place: LayerPlace) -> any Layer {
    fatalError("\(place.name) renames its input, so there is nothing to compute.")
  }
}

extension LayerKind {
  package static var flatten: LayerKind { LayerKind(Flatten()) }
}

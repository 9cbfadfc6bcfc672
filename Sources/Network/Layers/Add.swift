import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// `Y = A + B` of two values of one shape: where a residual block joins its shortcut (He et al. 2016).
///
/// The gradient of both is that of the sum.
package struct Add: LayerType {
  package static let typeName = "add"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [.appliesReLU, .masksInputGradient, .forgetsUnmaskedInput, .passesGradient] }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    guard inputs.count == 2, inputs[0] == inputs[1] else {
      throw LayerMisfit(
        "it adds the shapes \(inputs.map { "\($0.image)" }.joined(separator: " and ")); allowed: one shape on both sides",
        hint:
          "give the residual block a shortcut such as a conv2d with kernel_size 1, the filters of its last convolution "
          + "and its strides")
    }
    return inputs[0]
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let (a, b) = (step.inputs[0], step.inputs[1])
    return ReferenceResult(output: a.with(values: zip(a.values, b.values).map(+))) {
      ReferenceGradients(inputs: [$0, $0])
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { AddLayer(place) }
}

private final class AddLayer: Layer {
  private let inputs: [PlacedValue]
  private let output: PlacedValue
  private let relu: FusedReLU?
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ place: LayerPlace) {
    inputs = place.inputs
    output = place.output
    relu = place.relu
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (a, b) = (pass.map(inputs[0], slice), pass.map(inputs[1], slice))
    let out = pass.map(output, slice)
    let kernel = pass.kernels.sum
    inputs[0].map.forEachRow(images: slice.count, with: inputs[1].map, and: output.map) { first, second, to, count in
      kernel(a + first, b + second, out + to, count, relu)
    }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let input = inputs[index]
    let (from, to) = (pass.gradient(output, slice), pass.gradient(input, slice))
    guard let mask = input.relu?.activation else {
      return output.gradient.forEachRow(images: slice.count, with: input.gradient) { source, target, count in
        (to + target).update(from: from + source, count: count)
      }
    }
    let x = pass.map(input, slice)
    let kernel = pass.kernels.activationGradient
    input.map.forEachRow(images: slice.count, with: output.gradient, and: input.gradient) { at, source, target, count in
      kernel(mask, x + at, from + source, to + target, count)
    }
  }
}

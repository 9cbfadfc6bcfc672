import KernelInterface
import ReferenceKernels

/// `A = max(Z, 0)`; the gradient passes where Z > 0, so not at exactly 0.
///
/// After a convolution or dense layer that layer applies it, and whoever computes the gradient of its output masks it.
package struct ReLU: LayerType {
  package static let typeName = "relu"
  package static let keys: [LayerKey] = []

  package init() {}
  package init(_ values: LayerValues) {}
  package var values: LayerValues { [:] }
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
  package func layer(_ place: LayerPlace) -> any Layer { ReLULayer(place) }
}

extension LayerKind {
  package static var relu: LayerKind { LayerKind(ReLU()) }
}

private final class ReLULayer: Layer {
  private let input: PlacedValue
  private let output: PlacedValue
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ place: LayerPlace) {
    input = place.input
    output = place.output
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let (from, to) = (pass.map(input, slice), pass.map(output, slice))
    let relu = pass.kernels.relu
    input.map.forEachRow(images: slice.count, with: output.map) { x, y, count in relu(from + x, to + y, count) }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (x, dOutput, dInput) = (pass.map(input, slice), pass.gradient(output, slice), pass.gradient(input, slice))
    let reluGradient = pass.kernels.reluGradient
    let (map, outer, inner) = (input.map, output.gradient, input.gradient)
    let count = map.shape.width * map.channelStride
    for n in 0..<slice.count {
      for row in 0..<map.shape.height {
        reluGradient(
          x + n * map.imageStride + map.offset(row, 0), dOutput + n * outer.imageStride + outer.offset(row, 0),
          dInput + n * inner.imageStride + inner.offset(row, 0), count)
      }
    }
  }
}

import ConfigurationKeys
import Network
import ReferenceKernels

/// `y = x − mean of x over the batch and all pixels`, by channel, for tests alone: every example
/// depends on all others.
package struct Centering: MeetingLayerType {
  package static let typeName = "centering"
  package static let keys: [ConfigurationKey] = []

  package init() {}
  package init(_ values: KeyValues) {}
  package var values: KeyValues { [:] }
  package var summary: String { Self.typeName }
  package var traits: LayerTraits { [.forgetsInput] }

  package func outputShape(_ inputs: [ValueShape]) -> ValueShape { inputs[0] }
  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func meetingSums(_ inputs: [ValueShape]) -> (forward: Int, backward: Int) {
    (inputs[0].image.channels, inputs[0].image.channels)
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    func centered(_ x: Tensor4) -> Tensor4 {
      var result = x
      for c in 0..<x.channels {
        let places = stride(from: c, to: x.values.count, by: x.channels)
        let mean = places.reduce(0.0) { $0 + x.values[$1] } / Double(x.values.count / x.channels)
        for i in places { result.values[i] -= mean }
      }
      return result
    }
    return ReferenceResult(output: centered(step.x)) { ReferenceGradients(inputs: [centered($0)]) }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { CenteringLayer(place) }
}

private final class CenteringLayer: MeetingLayer {
  private let input: PlacedValue
  private let output: PlacedValue
  private let sums: Int
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ place: LayerPlace) {
    input = place.input
    output = place.output
    sums = place.sums ?? -1
  }

  func sumInputs(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>) {
    add(pass.map(input, slice), input.map, slice, into: sums)
  }

  func sumGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>) {
    add(pass.gradient(output, slice), output.gradient, slice, into: sums)
  }

  private func add(
    _ x: UnsafeMutablePointer<Float>, _ map: MapLayout, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>
  ) {
    for c in 0..<map.shape.channels {
      if slice.startsShard { sums[c] = 0 }
      for n in 0..<slice.count {
        for i in 0..<map.shape.height {
          for j in 0..<map.shape.width { sums[c] += Double(x[n * map.imageStride + map.offset(i, j) + c]) }
        }
      }
    }
  }

  func inputsSummed(_ pass: borrowing Pass) {}
  func gradientsSummed(_ pass: borrowing Pass) {}
  var leastBatch: Int { 1 }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    center(
      pass, pass.inputTotals(sums), slice, pass.map(input, slice), input.map, into: pass.map(output, slice),
      output.map)
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    center(
      pass, pass.gradientTotals(sums), slice, pass.gradient(output, slice), output.gradient,
      into: pass.gradient(input, slice), input.gradient)
  }

  private func center(
    _ pass: borrowing Pass, _ totals: UnsafePointer<Double>, _ slice: ImageSlice, _ x: UnsafeMutablePointer<Float>,
    _ from: MapLayout, into out: UnsafeMutablePointer<Float>, _ to: MapLayout
  ) {
    let count = Double(pass.batch * from.shape.height * from.shape.width)
    for n in 0..<slice.count {
      for i in 0..<from.shape.height {
        for j in 0..<from.shape.width {
          let (source, target) = (
            x + n * from.imageStride + from.offset(i, j), out + n * to.imageStride + to.offset(i, j)
          )
          for c in 0..<from.shape.channels { target[c] = source[c] - Float(totals[c] / count) }
        }
      }
    }
  }
}

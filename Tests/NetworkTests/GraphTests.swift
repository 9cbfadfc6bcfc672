import ConfigurationKeys
import ReferenceKernels
import TestSupport
import Testing

@testable import Network

/// `a + b`, for tests alone: a layer that reads two values.
private struct Sum: LayerType {
  static let typeName = "sum"
  static let keys: [ConfigurationKey] = []

  init() {}
  init(_ values: KeyValues) {}
  var values: KeyValues { [:] }
  var summary: String { Self.typeName }
  var traits: LayerTraits { [.forgetsInput] }

  func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    guard inputs.count == 2, inputs[0] == inputs[1] else { throw LayerMisfit("its inputs are \(inputs)") }
    return inputs[0]
  }

  func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] { [] }
  func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  func reference(_ step: ReferenceStep) -> ReferenceResult {
    let (a, b) = (step.inputs[0], step.inputs[1])
    var output = a
    output.values = zip(a.values, b.values).map(+)
    return ReferenceResult(output: output) { ReferenceGradients(inputs: [$0, $0]) }
  }

  func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  func layer(_ place: LayerPlace) -> any Layer { SumLayer(place) }
}

private final class SumLayer: Layer {
  private let inputs: [PlacedValue]
  private let output: PlacedValue
  let memory = LayerMemory()
  let algorithm = "elementwise"

  init(_ place: LayerPlace) {
    inputs = place.inputs
    output = place.output
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let out = pass.map(output, slice)
    for (index, input) in inputs.enumerated() {
      let x = pass.map(input, slice)
      input.map.forEachRow(images: slice.count, with: output.map) { from, to, count in
        for i in 0..<count { out[to + i] = index == 0 ? x[from + i] : out[to + i] + x[from + i] }
      }
    }
  }

  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {}

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of index: Int) {
    let (from, to) = (pass.gradient(output, slice), pass.gradient(inputs[index], slice))
    output.gradient.forEachRow(images: slice.count, with: inputs[index].gradient) { source, target, count in
      (to + target).update(from: from + source, count: count)
    }
  }
}

@Suite("Graphs of values")
struct GraphTests {
  private static let sum = LayerKind(Sum())

  /// Each layer with what it reads, `nil` being the layer before it.
  private static func model(_ layers: [(LayerKind, [String]?)]) -> ModelSpecification {
    var named = TestNetworks.named(layers.map(\.0))
    for (i, layer) in layers.enumerated() { named[i].inputs = layer.1 }
    return ModelSpecification(input: ImageShape(height: 6, width: 7, channels: 16), layers: named)
  }

  /// A value with two readers, one with three, of convolutions and others, and the images read twice.
  static let models: [ModelSpecification] = [
    model([
      (TestNetworks.conv(17, 3), nil), (.relu, nil), (TestNetworks.conv(17, 3), nil), (sum, ["conv2d_2", "relu_1"]),
      (.flatten, nil), (.dense(units: 4), nil), (.softmax, nil),
    ]),
    model([
      (TestNetworks.conv(16, 3, .same, .winograd), nil), (sum, ["conv2d_1", "input"]),
      (TestNetworks.conv(16, 5, .same, .winograd), nil), (.relu, nil), (TestNetworks.conv(16, 1), ["sum_1"]),
      (sum, ["relu_1", "conv2d_3"]), (sum, ["sum_2", "sum_1"]), (.relu, nil), (.flatten, nil),
      (.dense(units: 5), nil), (.relu, nil), (.dense(units: 5), nil), (sum, ["dense_2", "relu_3"]),
      (.dense(units: 3), nil), (.softmax, nil),
    ]),
  ]

  @Test("give the gradients of the naive network where a value has several readers", arguments: models.indices)
  func gradients(index: Int) throws {
    let run = try NetworkRun(Self.models[index], examples: 7)
    let expected = run.reference()
    var first: NetworkRun.Result?
    for kernels in runnableKernels {
      for capacity in [ImageCapacity(shard: 7), ImageCapacity(shard: 2, shardsPerChunk: 4)] {
        let actual = try run.run(kernels, capacity: capacity, fill: 0xFF)
        for (parameter, gradient) in expected.gradients {
          let values = try #require(actual.gradients[parameter]).map(Double.init)
          #expect(worstRelativeError(values, gradient.map { 7 * $0 }) < 1e-4, "\(kernels.name), \(parameter)")
        }
        let input = actual.inputGradient.map(Double.init)
        #expect(worstRelativeError(input, expected.inputGradient.values) < 1e-4, "\(kernels.name)")
        if capacity.shard == 7 {
          #expect(actual == first ?? actual, "\(kernels.name)")
          first = actual
        }
      }
    }
  }

  @Test("name a layer that reads what is not there, and one that no layer reads")
  func wrongGraphs() throws {
    let unknown = Self.model([(TestNetworks.conv(3, 3), ["relu_9"]), (.flatten, nil), (.softmax, nil)])
    #expect(userError { _ = try ModelGraph(unknown) }?.message.contains("it reads \"relu_9\"") == true)
    let unread = Self.model([
      (TestNetworks.conv(3, 3), nil), (.flatten, ["input"]), (.dense(units: 3), nil), (.softmax, nil),
    ])
    #expect(userError { _ = try ModelGraph(unread) }?.subject == "model.layers[0] (conv2d_1)")
  }
}

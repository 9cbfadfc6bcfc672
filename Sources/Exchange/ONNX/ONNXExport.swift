import Configuration
import Diagnostics
import Network
import Storage

/// A trained net as an ONNX model: from the user's pixels to class probabilities, the batch of any size.
package struct ONNXExport: Sendable {
  /// What the images of the graph's input are made of.
  package enum Pixels: String, Sendable, CaseIterable {
    case u8, f32

    fileprivate var type: ONNXModel.ElementType {
      switch self {
      case .u8: .uint8
      case .f32: .float
      }
    }
  }

  package var pixels: Pixels
  /// Whether norms become part of the layers before them, where that is possible.
  package var foldsNorms: Bool
  package var producerVersion: String
  /// Entries of the model's metadata beside `class_names`.
  package var metadata: [(key: String, value: String)]
  /// Of the data, class by class; without them the digits name their own.
  package var classNames: [String]?

  package init(
    pixels: Pixels = .u8, foldsNorms: Bool = false, producerVersion: String,
    metadata: [(key: String, value: String)] = []
  ) {
    self.pixels = pixels
    self.foldsNorms = foldsNorms
    self.producerVersion = producerVersion
    self.metadata = metadata
  }

  /// The model of `run`'s network with these weights, which are those of the network.
  ///
  /// Input `images`: [batch, height, width, channels], pixels as in the data's files; output `probabilities`: [batch, classes].
  /// - Throws: `UserError(.badConfiguration)` for a layer of a kind without a form in ONNX.
  package func model(_ run: RunConfiguration, weights: [NamedTensor]) throws(UserError) -> ONNXModel {
    var (net, weights) = (try ModelGraph(run.model), weights)
    if foldsNorms {
      let folded = FoldedNorms(net, weights)
      (net, weights) = (try ModelGraph(folded.model), folded.weights)
    }
    let parameters = Self.parameters(net, weights)
    var graph = ONNXGraph()
    let input = net.model.input
    var values = [normalized(run.data, input, &graph)]
    for (number, layer) in net.layers.enumerated() {
      guard let type = layer.kind.type as? any ONNXLayer else {
        throw net.failure(number, "\(layer.kind.typeName) has no form in ONNX yet")
      }
      graph.scope = layer.name
      values.append(
        type.add(
          to: &graph,
          ONNXSite(
            inputs: layer.inputs.map { values[$0] }, shapes: net.shapes(layer.inputs), parameters: parameters[number])))
    }
    graph.nameOutput("probabilities")
    return ONNXModel(
      name: run.name, producerVersion: producerVersion, nodes: graph.nodes, tensors: graph.tensors,
      input: ONNXModel.Port(
        name: "images", type: pixels.type, shape: [input.height, input.width, input.channels],
        documentation: "pixels as in the files, row-major over image, row, column, channel"),
      output: ONNXModel.Port(
        name: "probabilities", type: .float, shape: [net.classes], documentation: "one per class, 0 to 1"),
      metadata: metadata + namedClasses(run.data))
  }

  /// The layers' tensors, by layer and the last part of their names.
  private static func parameters(
    _ net: ModelGraph, _ weights: [NamedTensor]
  ) -> [[String: ONNXSite.NamedValues]] {
    let tensors = Dictionary(weights.map { ($0.name, $0) }) { first, _ in first }
    return net.layers.map { layer in
      var found: [String: ONNXSite.NamedValues] = [:]
      for parameter in net.parameters(of: layer) {
        guard let tensor = tensors["\(layer.name).\(parameter.part)"] else {
          preconditionFailure("The weights lack \(layer.name).\(parameter.part).")
        }
        found[parameter.part] = ONNXSite.NamedValues(shape: tensor.shape, values: tensor.values)
      }
      return found
    }
  }

  /// `pixel · (scale / std) + (−mean / std)` in N×C×H×W.
  private func normalized(_ data: DataConfiguration, _ input: ImageShape, _ graph: inout ONNXGraph) -> String {
    graph.scope = "normalization"
    func perChannel(_ value: (_ mean: Double, _ std: Double) -> Double) -> [Float] {
      let values = (0..<input.channels).map { c in
        Float(value(data.mean[data.mean.count == 1 ? 0 : c], data.std[data.std.count == 1 ? 0 : c]))
      }
      return Set(values).count == 1 ? [values[0]] : values
    }
    let factors = perChannel { data.scale / $1 }
    let shifts = perChannel { -$0 / $1 }
    var x = "images"
    if pixels == .u8 { x = graph.apply("Cast", [x], ["to": .integer(ONNXModel.ElementType.float.rawValue)]) }
    if factors != [1] { x = graph.apply("Mul", [x, graph.tensor("factor", [factors.count], factors)]) }
    if shifts != [0] { x = graph.apply("Add", [x, graph.tensor("shift", [shifts.count], shifts)]) }
    return graph.apply("Transpose", [x], ["perm": .integers([0, 3, 1, 2])])
  }

  /// `class_names`, a JSON array, where the classes have names.
  private func namedClasses(_ data: DataConfiguration) -> [(key: String, value: String)] {
    var names = classNames
    if names == nil, case .embeddedDigits = data.source { names = (0..<10).map { "\($0)" } }
    return names.map { [("class_names", JSONValue.array($0.map { .string($0) }).compactText)] } ?? []
  }
}

import Network

/// A kind of layer that has a form in ONNX; ONNXLayers.swift holds one for every kind that a configuration can name.
///
/// Inside the graph images are N×C×H×W and flat values N×n.
package protocol ONNXLayer: LayerType {
  /// Adds the nodes that compute an inference's output, and the tensors they read.
  /// - Returns: the output.
  func add(to graph: inout ONNXGraph, _ site: ONNXSite) -> String
}

/// What a layer's form reads.
package struct ONNXSite {
  package var inputs: [String]
  package var shapes: [ValueShape]
  /// The layer's tensors by the last part of their names, in the layouts of weights.safetensors.
  package var parameters: [String: NamedValues]

  package struct NamedValues {
    package var shape: [Int]
    package var values: [Float]
  }

  /// The only input of a layer with one, and its shape.
  var x: String { inputs[0] }
  var shape: ImageShape { shapes[0].image }

  func parameter(_ part: String) -> NamedValues {
    guard let values = parameters[part] else { fatalError("The layer lacks a \(part).") }
    return values
  }
}

import ReferenceKernels

/// A whole network through the naive twins, in Double and public layouts: slow, obvious, and the standard for the kernels.
package struct ReferenceNetwork: Sendable {
  package let graph: ModelGraph
  /// By parameter name, in public layouts.
  package var parameters: [String: [Double]]
  package var draws: ReferenceDraws

  package init(_ graph: ModelGraph, parameters: [String: [Double]], draws: ReferenceDraws = ReferenceDraws()) {
    self.graph = graph
    self.parameters = parameters
    self.draws = draws
  }

  /// Everything one pass computes.
  package struct Pass: Sendable {
    /// `activations[v]` is value v of the graph: the images first, the probabilities last.
    package var activations: [Tensor4]
    /// The mean loss.
    package var loss: Double
    /// `1/m`-scaled gradients by parameter name, of layers that are trained.
    package var gradients: [String: [Double]]
    /// Gradient of the *summed* loss by the images.
    package var inputGradient: Tensor4
  }

  /// The mean loss alone.
  package func loss(_ images: Tensor4, labels: [Int]) -> Double { forward(images, labels: labels).loss }

  /// Forward and backward over all of `images`.
  package func pass(_ images: Tensor4, labels: [Int]) -> Pass {
    let forward = forward(images, labels: labels)
    var gradients: [String: [Double]] = [:]
    var ofValues = [Tensor4?](repeating: nil, count: graph.values.count)
    for (layer, result) in zip(graph.layers, forward.results).reversed() {
      let found = result.backward(ofValues[layer.output] ?? result.output)
      for (part, gradient) in found.parameters where layer.isTrainable { gradients["\(layer.name).\(part)"] = gradient }
      for (value, gradient) in zip(layer.inputs, found.inputs) {
        ofValues[value] = ofValues[value].map { $0.with(values: zip($0.values, gradient.values).map(+)) } ?? gradient
      }
    }
    return Pass(
      activations: [images] + forward.results.map(\.output), loss: forward.loss, gradients: gradients,
      inputGradient: ofValues[0] ?? images)
  }

  private func forward(_ images: Tensor4, labels: [Int]) -> (results: [ReferenceResult], loss: Double) {
    var values = [images]
    var results: [ReferenceResult] = []
    for (number, layer) in graph.layers.enumerated() {
      var own: [String: [Double]] = [:]
      for parameter in graph.parameters(of: layer) {
        own[parameter.part] = parameters["\(layer.name).\(parameter.part)"]
      }
      let step = ReferenceStep(
        inputs: layer.inputs.map { values[$0] }, parameters: own, labels: labels, layer: number, draws: draws)
      results.append(layer.kind.type.reference(step))
      values.append(results[results.count - 1].output)
    }
    return (results, results.last?.loss ?? 0)
  }
}

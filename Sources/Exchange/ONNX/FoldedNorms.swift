import Network

/// Weights with the norms that can be computed with the layer before them: `γ · (W·x + b − μ) / √(σ² + ε) + β` is a layer with
/// other weights and another bias.
///
/// A norm is folded where it alone reads the output of a layer with weights. Computed in Double and rounded once.
struct FoldedNorms {
  /// The norms, by their number among the layers.
  private(set) var folded: Set<Int> = []
  /// By layer and the last part of the name.
  private(set) var parameters: [[String: ONNXSite.NamedValues]]

  init(_ graph: ModelGraph, _ parameters: [[String: ONNXSite.NamedValues]]) {
    self.parameters = parameters
    for (number, layer) in graph.layers.enumerated() {
      guard let norm = layer.kind.norm else { continue }
      let input = graph.values[layer.inputs[0]]
      guard let producer = input.producer, input.consumers == [number],
        let weight = graph.parameters(of: graph.layers[producer]).first(where: { $0.role == .weight })
      else { continue }
      fold(norm, number, into: producer, weight)
    }
  }

  private mutating func fold(_ norm: BatchNorm, _ number: Int, into producer: Int, _ weight: ParameterSpecification) {
    let channels = weight.outputs
    func vector(_ layer: Int, _ part: String, otherwise value: Double) -> [Double] {
      parameters[layer][part]?.values.map(Double.init) ?? [Double](repeating: value, count: channels)
    }
    let variance = vector(number, "running_var", otherwise: 1)
    let factors = zip(vector(number, "weight", otherwise: 1), variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
    let (mean, shift) = (
      vector(number, "running_mean", otherwise: 0), vector(number, "bias", otherwise: 0)
    )
    let bias = vector(producer, "bias", otherwise: 0)
    parameters[producer]["bias"] = ONNXSite.NamedValues(
      shape: [channels], values: (0..<channels).map { Float((bias[$0] - mean[$0]) * factors[$0] + shift[$0]) })
    // Outputs are the last axis of a convolution's weight, and the first of a dense layer's.
    let rows = weight.elementCount / channels
    let isDense = weight.layout == .dense
    let values = parameters[producer]["weight"]?.values ?? []
    parameters[producer]["weight"]?.values = values.indices.map {
      Float(Double(values[$0]) * factors[isDense ? $0 / rows : $0 % channels])
    }
    folded.insert(number)
  }
}

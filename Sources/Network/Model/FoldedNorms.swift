import Storage

/// A net for inferences and its weights, with norms computed in the layers before them: `γ · (W·x + b − μ) / √(σ² + ε) + β`, μ
/// and σ² being the running statistics, is such a layer with other weights and another bias.
///
/// A norm is folded where it alone reads the output of a convolution or dense layer, and that is exact enough: each channel's
/// factor γ / √(σ² + ε) is 0 or from 2⁻⁴⁰ to 2⁴⁰ in size, and all new weights are finite. Results then differ from those of the
/// norm by rounding alone, about as those of another order of summation would. New weights are computed in Double and rounded
/// once, each by itself, so that they are the same everywhere.
package struct FoldedNorms: Sendable {
  /// Each layer names what it reads.
  package private(set) var model: ModelSpecification
  /// Of that model, in the order of its layers.
  package private(set) var weights: [NamedTensor]
  package let norms: Count

  /// Norms of the net, and how many of them were folded.
  package struct Count: Sendable, Hashable {
    package var folded: Int
    package var all: Int

    package init(folded: Int, all: Int) {
      self.folded = folded
      self.all = all
    }
  }

  /// - Parameter folds: whether any norm is folded; for comparisons.
  /// - Precondition: `weights` are those of the net.
  package init(_ graph: ModelGraph, _ weights: [NamedTensor], folds: Bool = true) {
    var tensors = Dictionary(weights.map { ($0.name, $0) }) { first, _ in first }
    // By the norm's number.
    var producers: [Int: Int] = [:]
    var count = Count(folded: 0, all: 0)
    for (number, layer) in graph.layers.enumerated() {
      guard let norm = layer.kind.norm else { continue }
      count.all += 1
      let input = graph.values[layer.inputs[0]]
      guard folds, let producer = input.producer, input.consumers == [number],
        graph.model.layers[producer].kind.type.withBias != nil,
        let folded = Self.fold(norm, layer.name, into: graph.layers[producer], graph, tensors)
      else { continue }
      for tensor in folded { tensors[tensor.name] = tensor }
      for parameter in graph.parameters(of: layer) { tensors["\(layer.name).\(parameter.part)"] = nil }
      producers[number] = producer
      count.folded += 1
    }
    norms = count
    model = graph.model
    self.weights = weights
    guard !producers.isEmpty else { return }
    model = Self.model(graph, without: producers)
    self.weights = graph.layers.flatMap { layer in
      var parts = graph.parameters(of: layer).map(\.part)
      if !parts.contains("bias") { parts.append("bias") }
      return parts.compactMap { tensors["\(layer.name).\($0)"] }
    }
  }

  /// The model without some norms, whose layers' numbers come with those of the layers that compute them.
  private static func model(_ graph: ModelGraph, without norms: [Int: Int]) -> ModelSpecification {
    let producers = Set(norms.values)
    // By value: the layer that writes it.
    var sources = [LayerSpecification.imagesName]
    var layers: [LayerSpecification] = []
    for (number, layer) in graph.layers.enumerated() {
      let inputs = layer.inputs.map { sources[$0] }
      guard norms[number] == nil else {
        sources.append(inputs[0])
        continue
      }
      sources.append(layer.name)
      var own = graph.model.layers[number]
      own.inputs = inputs
      if producers.contains(number), let biased = own.kind.type.withBias {
        own.kind = LayerKind(biased)
        // Some layer of a net is trained, and it may have been the norm.
        own.isTrainable = true
      }
      layers.append(own)
    }
    return ModelSpecification(input: graph.model.input, layers: layers)
  }

  /// The weight and the bias of a layer that computes a norm too; `nil` where that is not exact enough.
  private static func fold(
    _ norm: BatchNorm, _ name: String, into layer: ModelGraph.Layer, _ graph: ModelGraph,
    _ tensors: [String: NamedTensor]
  ) -> [NamedTensor]? {
    guard let parameter = graph.parameters(of: layer).first(where: { $0.role == .weight }),
      var weight = tensors["\(layer.name).\(parameter.part)"]
    else { return nil }
    let channels = parameter.outputs
    func vector(_ name: String, otherwise value: Double) -> [Double] {
      tensors[name]?.values.map(Double.init) ?? [Double](repeating: value, count: channels)
    }
    let variance = vector("\(name).running_var", otherwise: 1)
    let factors = zip(vector("\(name).weight", otherwise: 1), variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
    guard factors.allSatisfy({ $0 == 0 || (0x1p-40...0x1p40).contains(abs($0)) }) else { return nil }
    let (mean, shift) = (vector("\(name).running_mean", otherwise: 0), vector("\(name).bias", otherwise: 0))
    let old = vector("\(layer.name).bias", otherwise: 0)
    let bias = (0..<channels).map { Float((old[$0] - mean[$0]) * factors[$0] + shift[$0]) }
    // Outputs are the last axes of a convolution's weight, and the first of a dense layer's.
    let rows = parameter.elementCount / channels
    let isDense = parameter.layout == .dense
    weight.values = weight.values.indices.map {
      Float(Double(weight.values[$0]) * factors[isDense ? $0 / rows : $0 % channels])
    }
    guard bias.allSatisfy(\.isFinite), weight.values.allSatisfy(\.isFinite) else { return nil }
    return [weight, NamedTensor(name: "\(layer.name).bias", shape: [channels], values: bias)]
  }
}

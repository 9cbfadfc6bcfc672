import Diagnostics

/// The layers of a model as a graph of values, checked to fit together: the only place where shapes are computed.
///
/// Value 0 is the images; layer l of the model reads `layers[l].inputs` and writes `layers[l].output`. A layer reads only
/// values of layers before it, so the order of the configuration is an order of computation.
package struct ModelGraph: Sendable {
  package struct Value: Sendable {
    package var shape: ValueShape
    /// The layer that writes it; `nil` for the images.
    package var producer: Int?
    /// The layers that read it, ascending.
    package var consumers: [Int] = []
  }

  package struct Layer: Sendable {
    package var name: String
    package var kind: LayerKind
    package var inputs: [Int]
    package var output: Int
    package var isTrainable = true
    package var rateScale = 1.0
  }

  package let model: ModelSpecification
  package private(set) var values: [Value]
  package private(set) var layers: [Layer] = []

  /// The most elements of one feature map, and the most entries of a weight tensor's side.
  private static var largestFeatureMap: Int { Int(Int32.max) }
  /// The most entries of a weight tensor: far above any memory, and so small that sizes in bytes do not overflow.
  private static var largestWeight: Int { 1 << 40 }

  /// - Throws: `UserError(.badConfiguration)` about `model.layers[i] (name)` with the shape that does not fit.
  package init(_ model: ModelSpecification) throws(UserError) {
    self.model = model
    let input = model.input
    guard input.height > 0, input.width > 0, input.channels > 0 else {
      throw UserError(.badConfiguration, "model.input", "found \(input); allowed: sizes of at least 1")
    }
    values = [Value(shape: ValueShape(input))]
    var outputs = [LayerSpecification.imagesName: 0]
    for (index, layer) in model.layers.enumerated() {
      try add(layer, index, of: model.layers.count, &outputs)
    }
    guard layers.contains(where: { !parameters(of: $0).isEmpty }) else {
      throw UserError(
        .badConfiguration, "model.layers", "found no layer with parameters; allowed: at least one conv2d or dense")
    }
    try requireFrozenLayers()
    guard layers.contains(where: { $0.isTrainable && !parameters(of: $0).isEmpty }) else {
      throw UserError(
        .badConfiguration, model.frozen.isEmpty ? "model.layers" : Self.frozenPath,
        "found no layer with parameters that is trained; allowed: at least one layer that is trained")
    }
    let last = layers.count - 1
    guard layers[last].kind.traits.contains(.isLoss) else {
      throw failure(last, "the last layer is \(layers[last].kind.typeName); allowed: softmax as the last layer")
    }
    for (index, value) in values.dropLast().enumerated() where value.consumers.isEmpty {
      guard let producer = value.producer else {
        throw UserError(.badConfiguration, "model.layers", "no layer reads the images")
      }
      throw failure(producer, "no layer reads its output, value \(index); allowed: one output, that of the last layer")
    }
  }

  /// The key that lists layers which are not trained.
  package static let frozenPath = "model.frozen"

  /// Throws about an entry of `model.frozen` that stands for no layer with parameters.
  private func requireFrozenLayers() throws(UserError) {
    for entry in model.frozen {
      let names = layers.filter { !parameters(of: $0).isEmpty }.map(\.name)
      guard !names.contains(where: { ModelSpecification.stands(entry, for: $0) }) else { continue }
      let blocks = names.map { String($0.prefix { $0 != "/" }) }
      throw UserError(
        .badConfiguration, Self.frozenPath,
        "found \"\(entry)\"; allowed: the name of a layer with parameters, of a block, or the beginning of names before a *",
        hint: NearestName.suggestion(for: entry, among: names + blocks).map { "the nearest is \($0)" })
    }
  }

  private mutating func add(
    _ layer: LayerSpecification, _ index: Int, of count: Int, _ outputs: inout [String: Int]
  ) throws(UserError) {
    var inputs: [Int] = []
    for name in layer.inputs ?? [] {
      guard let value = outputs[name] else {
        throw failure(index, layer, "it reads \"\(name)\"; allowed: the name of a layer before it, or \"input\"")
      }
      inputs.append(value)
    }
    if layer.inputs == nil { inputs = [values.count - 1] }
    if outputs[layer.name] != nil, layer.name != LayerSpecification.imagesName {
      throw failure(
        index, layer, "a layer before it has this name, too; allowed: one layer per name",
        hint: "those of a residual block are called <block>/<layer>, of repeated blocks <block>_<n>/<layer>")
    }
    if layer.kind.traits.contains(.isLoss), index != count - 1 {
      throw failure(
        index, layer, "softmax is layer \(index + 1) of \(count); allowed: softmax as the last layer only")
    }
    let shapes = inputs.map { values[$0].shape }
    let shape: ValueShape
    do throws(LayerMisfit) {
      shape = try layer.kind.type.outputShape(shapes)
    } catch {
      throw failure(index, layer, error.message, hint: error.hint)
    }
    let parameters = layer.kind.type.parameters(shapes)
    for parameter in parameters where Self.count(parameter.shape) > Self.largestWeight {
      throw failure(
        index, layer,
        "its weight of shape \(parameter.shape) has too many values; allowed: at most \(Self.largestWeight)")
    }
    guard shape.image.elementCount <= Self.largestFeatureMap else {
      throw failure(
        index, layer,
        "its output of \(shape.image) has \(shape.image.elementCount) values; allowed: at most \(Self.largestFeatureMap)"
      )
    }
    if parameters.contains(where: { $0.initialValue == .patchWhitening }), inputs != [0] {
      throw failure(
        index, layer,
        "initializer \"patch_whitening\" is that of a layer that reads the images; allowed: he_normal or another one",
        hint: "put the layer first, or give it the inputs [\"\(LayerSpecification.imagesName)\"]")
    }
    for value in inputs { values[value].consumers.append(index) }
    let isTrainable = layer.isTrainable && !model.freezes(layer.name)
    layers.append(
      Layer(
        name: layer.name, kind: isTrainable ? layer.kind : layer.kind.frozen, inputs: inputs,
        output: values.count, isTrainable: isTrainable, rateScale: layer.rateScale))
    outputs[layer.name] = values.count
    values.append(Value(shape: shape, producer: index))
  }

  /// The product of a shape, `Int.max` for more than that.
  private static func count(_ shape: [Int]) -> Int {
    shape.reduce(1) {
      let (product, overflow) = $0.multipliedReportingOverflow(by: $1)
      return overflow ? Int.max : product
    }
  }

  package func shapes(_ values: [Int]) -> [ValueShape] { values.map { self.values[$0].shape } }

  /// A layer's parameters over the shapes it reads.
  package func parameters(of layer: Layer) -> [ParameterSpecification] {
    layer.kind.type.parameters(shapes(layer.inputs))
  }

  /// The number of classes: outputs of the last layer.
  package var classes: Int { values[values.count - 1].shape.image.channels }

  /// An error about a layer.
  package func failure(_ layer: Int, _ message: String, hint: String? = nil) -> UserError {
    failure(layer, model.layers[layer], message, hint: hint)
  }

  private func failure(
    _ index: Int, _ layer: LayerSpecification, _ message: String, hint: String? = nil
  ) -> UserError {
    UserError(
      .badConfiguration, "\(layer.path ?? "model.layers[\(index)]") (\(layer.name))", message, hint: hint)
  }
}

extension ValueShape {
  /// - Throws: `LayerMisfit` if the value is flat.
  package func requireImage(_ typeName: String) throws(LayerMisfit) {
    guard !isFlat else {
      throw LayerMisfit(
        "\(typeName) meets \(image.channels) flat values; allowed: images of height×width×channels",
        hint: "put it before flatten")
    }
  }

  /// - Throws: `LayerMisfit` if the value is an image.
  package func requireFlat(_ typeName: String) throws(LayerMisfit) {
    guard isFlat else {
      throw LayerMisfit(
        "\(typeName) meets images of shape \(image); allowed: flat values",
        hint: "put { type: \"flatten\" } before it")
    }
  }
}

extension ModelSpecification {
  /// The output shape of every layer in order, after checking that the layers fit together.
  /// - Throws: as `ModelGraph.init`.
  package func outputShapes() throws(UserError) -> [ImageShape] {
    let graph = try ModelGraph(self)
    return graph.layers.map { graph.values[$0.output].shape.image }
  }
}

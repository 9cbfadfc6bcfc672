/// A named layer of the configuration.
package struct LayerSpecification: Hashable, Sendable {
  package var name: String
  package var kind: LayerKind
  /// The layers whose outputs it reads, `input` standing for the images; `nil` is the layer before it.
  package var inputs: [String]?
  /// The key path of its entry, for errors; `nil` where its place among the layers tells.
  package var path: String?
  /// Whether its parameters are trained.
  package var isTrainable = true
  /// What the learning rate of its parameters is multiplied by.
  package var rateScale = 1.0

  package init(name: String, kind: LayerKind, inputs: [String]? = nil, path: String? = nil) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
    self.path = path
  }

  /// Where it is written makes no difference.
  package static func == (a: LayerSpecification, b: LayerSpecification) -> Bool {
    a.name == b.name && a.kind == b.kind && a.inputs == b.inputs && a.isTrainable == b.isTrainable
      && a.rateScale == b.rateScale
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(kind)
    hasher.combine(inputs)
    hasher.combine(isTrainable)
    hasher.combine(rateScale)
  }

  /// What `inputs` calls the images.
  package static let imagesName = "input"
}

/// The `model` section of a configuration.
package struct ModelSpecification: Hashable, Sendable {
  package var input: ImageShape
  /// In an order of computation.
  package var layers: [LayerSpecification]
  /// How a configuration writes the layers; `nil` where every layer is an entry.
  package var entries: [ModelEntry]?

  package init(input: ImageShape, layers: [LayerSpecification]) {
    self.input = input
    self.layers = layers
  }
}

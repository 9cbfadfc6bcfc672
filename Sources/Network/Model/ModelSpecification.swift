/// A named layer of the configuration.
package struct LayerSpecification: Hashable, Sendable {
  package var name: String
  package var kind: LayerKind
  /// The layers whose outputs it reads, `input` standing for the images; `nil` is the layer before it.
  package var inputs: [String]?

  package init(name: String, kind: LayerKind, inputs: [String]? = nil) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
  }

  /// What `inputs` calls the images.
  package static let imagesName = "input"
}

/// The `model` section of a configuration.
package struct ModelSpecification: Hashable, Sendable {
  package var input: ImageShape
  package var layers: [LayerSpecification]

  package init(input: ImageShape, layers: [LayerSpecification]) {
    self.input = input
    self.layers = layers
  }
}

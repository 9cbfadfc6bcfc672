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
  /// Layers that are not trained, beside those that say so themselves: names of layers and of blocks, and beginnings of names
  /// before a `*`.
  package var frozen: [String] = []

  package init(input: ImageShape, layers: [LayerSpecification]) {
    self.input = input
    self.layers = layers
  }
}

extension ModelSpecification {
  /// Whether an entry of `frozen` stands for a layer: its name, its block's, that of a block whose repeats are called
  /// `<name>_<n>`, or the beginning of its name before a `*`.
  func freezes(_ name: String) -> Bool { frozen.contains { Self.stands($0, for: name) } }

  static func stands(_ entry: String, for name: String) -> Bool {
    if entry.hasSuffix("*") { return name.hasPrefix(entry.dropLast()) }
    guard name.hasPrefix(entry) else { return false }
    let rest = name.dropFirst(entry.count)
    if rest.isEmpty || rest.first == "/" { return true }
    let number = rest.dropFirst().prefix { $0 != "/" }
    return rest.first == "_" && rest.contains("/") && !number.isEmpty && number.allSatisfy { $0.isASCII && $0.isNumber }
  }
}

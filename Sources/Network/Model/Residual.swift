/// Residual blocks as a configuration writes them (He et al. 2016): `activation(layers(x) + shortcut(x))`, so many in a row.
///
/// They are notation: a model holds the layers that they stand for, with the names `<block>/<layer>`,
/// `<block>/shortcut/<layer>`, `<block>/add` and the activation's `<block>/<type>`; several blocks are called `<block>_<n>`,
/// n counted from 1.
package struct ResidualBlock: Hashable, Sendable {
  /// What a configuration calls them.
  package static let typeName = "residual"

  package var name: String
  package var layers: [LayerSpecification]
  /// Nothing is the identity.
  package var shortcut: [LayerSpecification]
  package var activation: LayerKind?
  /// How many blocks there are in a row, each reading the one before it.
  package var times: Int
  /// The key path of the entry, for errors.
  package var path: String?

  package init(
    name: String, layers: [LayerSpecification], shortcut: [LayerSpecification] = [], activation: LayerKind? = nil,
    times: Int = 1, path: String? = nil
  ) {
    self.path = path
    self.times = times
    self.name = name
    self.layers = layers
    self.shortcut = shortcut
    self.activation = activation
  }

  /// Where they are written makes no difference.
  package static func == (a: ResidualBlock, b: ResidualBlock) -> Bool {
    a.name == b.name && a.layers == b.layers && a.shortcut == b.shortcut && a.activation == b.activation
      && a.times == b.times
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(layers)
    hasher.combine(shortcut)
    hasher.combine(activation)
    hasher.combine(times)
  }

  /// The layers that they stand for, where `input` is the name of the layer before them.
  package func expanded(after input: String) -> [LayerSpecification] {
    var all: [LayerSpecification] = []
    for number in 1...max(1, times) {
      all += block(times == 1 ? name : "\(name)_\(number)", after: all.last?.name ?? input)
    }
    return all
  }

  private func block(_ name: String, after input: String) -> [LayerSpecification] {
    func named(_ layers: [LayerSpecification], _ prefix: String) -> [LayerSpecification] {
      layers.enumerated().map { index, layer in
        var own = layer
        (own.name, own.inputs) = ("\(prefix)/\(layer.name)", index == 0 ? [input] : nil)
        return own
      }
    }
    let (main, other) = (named(layers, name), named(shortcut, "\(name)/shortcut"))
    let ends = [main.last?.name ?? input, other.last?.name ?? input]
    var all = main + other + [LayerSpecification(name: "\(name)/add", kind: LayerKind(Add()), inputs: ends, path: path)]
    if let activation {
      all.append(LayerSpecification(name: "\(name)/\(activation.typeName)", kind: activation, path: path))
    }
    return all
  }
}

/// What a configuration writes as one entry of `model.layers`.
package enum ModelEntry: Hashable, Sendable {
  case layer(LayerSpecification)
  case residual(ResidualBlock)

  /// How many layers it stands for.
  package var layerCount: Int {
    switch self {
    case .layer: 1
    case .residual(let block):
      max(1, block.times) * (block.layers.count + block.shortcut.count + (block.activation == nil ? 1 : 2))
    }
  }
}

extension ModelSpecification {
  /// The model whose configuration has these entries.
  package init(input: ImageShape, entries: [ModelEntry]) {
    var layers: [LayerSpecification] = []
    var hasBlocks = false
    func last() -> String { layers.last?.name ?? LayerSpecification.imagesName }
    for entry in entries {
      switch entry {
      case .layer(let layer): layers.append(layer)
      case .residual(let block):
        layers += block.expanded(after: last())
        hasBlocks = true
      }
    }
    self.init(input: input, layers: layers)
    self.entries = hasBlocks ? entries : nil
  }
}

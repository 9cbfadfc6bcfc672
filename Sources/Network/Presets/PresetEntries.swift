/// The entries of a preset, named as layers of a configuration without names.
struct PresetEntries {
  /// What errors about the layers name, as the configuration does not write them.
  private static let path = "model.preset"

  private(set) var entries: [ModelEntry] = []
  private var names = LayerNames()

  mutating func add(_ kinds: [LayerKind]) {
    entries += Self.layers(kinds, &names).map { .layer($0) }
  }

  mutating func add(_ kinds: LayerKind...) { add(kinds) }

  /// `times` residual blocks in a row, each with an activation after its sum; none for 0.
  mutating func addResidual(
    _ kinds: [LayerKind], shortcut: [LayerKind] = [], activation: LayerKind? = .relu, times: Int = 1
  ) {
    guard times > 0 else { return }
    var (inner, other) = (LayerNames(), LayerNames())
    entries.append(
      .residual(
        ResidualBlock(
          name: names.next(ResidualBlock.typeName), layers: Self.layers(kinds, &inner),
          shortcut: Self.layers(shortcut, &other), activation: activation, times: times, path: Self.path)))
  }

  private static func layers(_ kinds: [LayerKind], _ names: inout LayerNames) -> [LayerSpecification] {
    kinds.map { LayerSpecification(name: names.next($0.typeName), kind: $0, path: path) }
  }
}

extension LayerKind {
  /// A convolution of a net with norms: no bias, and zeros on all sides, so many that strides 1 keep the image's size.
  static func bare(_ filters: Int, _ size: Int, strides: Int = 1) -> LayerKind {
    let sides = size / 2
    let padding: Padding = sides == 0 ? .valid : .sides(Halo(top: sides, bottom: sides, left: sides, right: sides))
    return LayerKind(
      Conv2D(filters: filters, Window(Extent(size), strides: Extent(strides), padding: padding), usesBias: false))
  }
}

/// What a line of a table of layers says of an entry.
extension ModelEntry {
  package var name: String {
    switch self {
    case .layer(let layer): layer.name
    case .residual(let block): block.name
    }
  }

  /// `conv2d 3×3×16, same`, or `3 × residual`.
  package var summary: String {
    switch self {
    case .layer(let layer): layer.kind.summary
    case .residual(let block): (block.times == 1 ? "" : "\(block.times) × ") + ResidualBlock.typeName
    }
  }

  /// The layers of a residual block, `(conv2d 3×3×16, padding 1 · batch_norm · relu · …) + input · relu`; else empty.
  package var detail: String {
    guard case .residual(let block) = self else { return "" }
    func list(_ layers: [LayerSpecification]) -> String {
      "(" + layers.map(\.kind.summary).joined(separator: " · ") + ")"
    }
    let sum = list(block.layers) + " + " + (block.shortcut.isEmpty ? "input" : list(block.shortcut))
    return block.activation.map { "\(sum) · \($0.summary)" } ?? sum
  }
}

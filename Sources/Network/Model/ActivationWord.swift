/// The activations that a configuration can name by a word, as `activation: "relu"` of a layer or block.
package enum ActivationWord: String, Hashable, Sendable, CaseIterable {
  case relu, relu6
  case leakyReLU = "leaky_relu"
  case gelu, silu

  /// The word for a layer that has one.
  package init?(_ kind: LayerKind) {
    guard let word = Self.allCases.first(where: { $0.kind == kind }) else { return nil }
    self = word
  }

  package var kind: LayerKind {
    switch self {
    case .relu: .relu
    case .relu6: .relu6
    case .leakyReLU: LayerKind(LeakyReLU(slope: 0.01))
    case .gelu: LayerKind(GELU())
    case .silu: LayerKind(SiLU())
    }
  }
}

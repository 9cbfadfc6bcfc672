/// Whose names and orders the tensors of a file have.
package enum WeightFormat: String, Sendable, CaseIterable {
  /// `conv2d_1.weight` [filters, channels, height, width]; modules inside modules are separated by dots.
  case pytorch
  /// `conv2d_1/kernel` [height, width, channels, filters]; blocks are separated from their layers by dots.
  case keras
  /// PyTorch's orders under the names of torchvision's models.
  case torchvision

  /// Those that a net of any layers can be written in.
  package static let exported: [WeightFormat] = [.pytorch, .keras]

  /// Whether a file may have a tensor of this name beside those of the layers: counters, which no forward pass reads.
  func isCounter(_ name: String) -> Bool {
    switch self {
    case .pytorch, .torchvision: name.hasSuffix(".num_batches_tracked")
    case .keras: name.hasSuffix("/seed_generator_state")
    }
  }
}

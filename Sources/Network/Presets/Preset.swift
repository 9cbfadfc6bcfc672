/// A known net that a configuration names instead of writing its layers.
///
/// It stands for entries as a configuration writes them, so that a run's own configuration holds the layers and no preset.
/// Norms follow convolutions without a bias, which they would take away again.
package struct Preset: Sendable {
  package let name: String
  /// Whether its first layers can be chosen.
  package let hasStem: Bool
  private let input: @Sendable (PresetStem) -> ImageShape
  private let entries: @Sendable (PresetStem, _ classes: Int) -> [ModelEntry]

  /// A net with one beginning.
  /// - Parameter input: the images that it was made for.
  init(_ name: String, input: ImageShape, entries: @escaping @Sendable (_ classes: Int) -> [ModelEntry]) {
    self.name = name
    hasStem = false
    self.input = { _ in input }
    self.entries = { entries($1) }
  }

  /// A net whose beginning can be chosen, and with it the images that it was made for.
  init(_ name: String, entries: @escaping @Sendable (PresetStem, _ classes: Int) -> [ModelEntry]) {
    self.name = name
    hasStem = true
    input = { $0.input }
    self.entries = entries
  }

  /// The net for `classes` classes.
  ///
  /// - Parameters:
  ///   - input: the images; `nil` for those that it was made for. Whether the layers fit them is for `ModelGraph` to say.
  ///   - stem: how it begins, where that can be chosen; `nil` for imagenet.
  package func model(classes: Int, input: ImageShape? = nil, stem: PresetStem? = nil) -> ModelSpecification {
    let stem = stem ?? .imagenet
    return ModelSpecification(input: input ?? self.input(stem), entries: entries(stem, classes))
  }
}

/// How a net for ImageNet begins.
package enum PresetStem: String, Hashable, Sendable, CaseIterable {
  /// As in the paper: height and width are a quarter after it. A residual net has a 7×7 convolution and a pool, MobileNet a
  /// 3×3 convolution and its stage of 24 channels, each with strides 2.
  case imagenet
  /// For small images: a 3×3 convolution, and MobileNet's stage of 24 channels, with strides 1.
  case cifar

  fileprivate var input: ImageShape {
    switch self {
    case .imagenet: ImageShape(height: 224, width: 224, channels: 3)
    case .cifar: .cifar
    }
  }
}

extension ImageShape {
  /// The images of CIFAR-10 and CIFAR-100.
  static let cifar = ImageShape(height: 32, width: 32, channels: 3)
}

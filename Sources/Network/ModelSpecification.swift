/// The shape H×W×C of one image or feature map.
package struct ImageShape: Hashable, Sendable, CustomStringConvertible {
  package var height: Int
  package var width: Int
  package var channels: Int

  package init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  package var elementCount: Int { height * width * channels }
  package var description: String { "\(height)×\(width)×\(channels)" }
}

/// How a convolution treats the border: `same` keeps H and W (zero padding), `valid` shrinks them by F − 1.
package enum Padding: String, Hashable, Sendable, CaseIterable { case same, valid }

/// Which elements of a max-pooling patch receive the gradient: all near the maximum (the post's mask) or the first.
package enum PoolTies: String, Hashable, Sendable, CaseIterable { case all, first }

/// How a convolution is computed. The choice is part of the numerics and never depends on the machine.
package enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable { case auto, direct, winograd }

/// One layer as the configuration states it, before its input shape is known.
package enum LayerKind: Hashable, Sendable {
  case conv2d(filters: Int, kernelSize: Int, padding: Padding, algorithm: ConvolutionAlgorithm)
  case relu
  case maxPool2d(ties: PoolTies)
  case averagePool2d
  case flatten
  case dense(units: Int)
  case softmax

  /// The configuration's name of the type, also the stem of automatic layer names (`conv2d_1`).
  package var typeName: String {
    switch self {
    case .conv2d: "conv2d"
    case .relu: "relu"
    case .maxPool2d: "max_pool2d"
    case .averagePool2d: "avg_pool2d"
    case .flatten: "flatten"
    case .dense: "dense"
    case .softmax: "softmax"
    }
  }
}

/// A named layer of the configuration.
package struct LayerSpecification: Hashable, Sendable {
  package var name: String
  package var kind: LayerKind

  package init(name: String, kind: LayerKind) {
    self.name = name
    self.kind = kind
  }
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

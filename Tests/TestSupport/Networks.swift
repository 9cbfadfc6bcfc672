import Network

/// Networks that tests run: small, odd and lenet-shaped.
package enum TestNetworks {
  package static func named(_ layers: [LayerKind]) -> [LayerSpecification] {
    var counts: [String: Int] = [:]
    return layers.map { kind in
      counts[kind.typeName, default: 0] += 1
      return LayerSpecification(name: "\(kind.typeName)_\(counts[kind.typeName] ?? 0)", kind: kind)
    }
  }

  package static func conv(
    _ filters: Int, _ size: Int, _ padding: Padding = .same, _ algorithm: ConvolutionAlgorithm = .auto
  ) -> LayerKind {
    .conv2d(filters: filters, kernelSize: size, padding: padding, algorithm: algorithm)
  }

  /// field.md's digits net.
  package static let digits = ModelSpecification(
    input: ImageShape(height: 8, width: 8, channels: 1),
    layers: named([
      conv(16, 3), .relu, .maxPool2d(ties: .all), conv(32, 3), .relu, .maxPool2d(ties: .all), .flatten,
      .dense(units: 64), .relu, .dense(units: 10), .softmax,
    ]))

  /// Odd sizes, valid padding, channel counts that fill no vector.
  package static let odd = ModelSpecification(
    input: ImageShape(height: 11, width: 8, channels: 3),
    layers: named([
      conv(5, 2, .valid), .relu, conv(17, 4, .same), conv(7, 3, .valid), .relu, .flatten,
      .dense(units: 9), .relu, .dense(units: 3), .softmax,
    ]))

  /// lenet in shape, smaller in size.
  package static let lenet = ModelSpecification(
    input: ImageShape(height: 12, width: 12, channels: 1),
    layers: named([
      conv(32, 5), .relu, .maxPool2d(ties: .all), conv(64, 5), .relu, .averagePool2d, .flatten, .dense(units: 96),
      .relu, .dense(units: 10), .softmax,
    ]))

  /// A ReLU and a pool before any convolution, two convolutions in a row without ReLU, 1×1 and 7×7 kernels.
  package static let unusual = ModelSpecification(
    input: ImageShape(height: 6, width: 10, channels: 2),
    layers: named([
      .relu, .averagePool2d, conv(20, 1), conv(33, 7), .relu, .relu, conv(6, 3), .flatten, .dense(units: 4), .softmax,
    ]))

  /// Winograd in both sizes on sides that fill no tile, valid and same, with channel counts that fill no vector.
  package static let winograd = ModelSpecification(
    input: ImageShape(height: 13, width: 11, channels: 2),
    layers: named([
      conv(17, 3, .same, .winograd), .relu, conv(20, 3, .valid, .winograd), .relu, conv(35, 5, .same, .winograd),
      conv(33, 5, .valid, .winograd), .relu, conv(5, 3, .same, .winograd), .flatten, .dense(units: 6), .softmax,
    ]))

  /// Activations before and after convolutions, pools and dense layers.
  package static let activations = ModelSpecification(
    input: ImageShape(height: 6, width: 8, channels: 2),
    layers: named([
      leaky(0.2), conv(7, 3), leaky(0.01), .maxPool2d(ties: .first), leaky(-0.5), conv(18, 3), leaky(0.3), .relu,
      .flatten,
      .dense(units: 5), leaky(0.1), .dense(units: 3), .softmax,
    ]))

  /// GELU, SiLU and ReLU up to a limit before and after convolutions, pools and dense layers.
  package static let smooth = ModelSpecification(
    input: ImageShape(height: 6, width: 8, channels: 2),
    layers: named([
      LayerKind(SiLU()), conv(7, 3), LayerKind(GELU()), LayerKind(ReLU(maximum: 0.9)), .maxPool2d(ties: .first),
      conv(18, 3), LayerKind(SiLU()),
      conv(6, 2), LayerKind(ReLU(maximum: 0.75)), .flatten, LayerKind(GELU()), .dense(units: 9),
      LayerKind(ReLU(maximum: 0.5)), .dense(units: 7), LayerKind(SiLU()), .dense(units: 3), .softmax,
    ]))

  /// Dropout of images, of what a convolution's ReLU gives, of pools, flattened maps and dense layers' values.
  package static let dropout = ModelSpecification(
    input: ImageShape(height: 8, width: 6, channels: 3),
    layers: named([
      .dropout(rate: 0.1), conv(20, 3), .relu, .dropout(rate: 0.3), conv(17, 3, .same, .winograd),
      .maxPool2d(ties: .first),
      .dropout(rate: 0.2), .flatten, .dropout(rate: 0.25), .dense(units: 33), .relu, .dropout(rate: 0.5),
      .dense(units: 9), .dropout(rate: 0), .dense(units: 4), .softmax,
    ]))

  /// The layers of a model but for those of one type.
  package static func without(_ typeName: String, _ model: ModelSpecification) -> ModelSpecification {
    ModelSpecification(input: model.input, layers: model.layers.filter { $0.kind.typeName != typeName })
  }

  private static func leaky(_ slope: Double) -> LayerKind { LayerKind(LeakyReLU(slope: slope)) }

  /// Strides, dilation and zeros on some sides, kernels that are not square, 1×1 on pixels and on a step of two.
  package static let strided = ModelSpecification(
    input: ImageShape(height: 15, width: 13, channels: 3),
    layers: named([
      LayerKind(Conv2D(filters: 18, Window(Extent(5, 4), strides: Extent(2), padding: .same))), .relu,
      LayerKind(Conv2D(filters: 33, Window(Extent(1)), usesBias: false)), .relu,
      LayerKind(
        Conv2D(
          filters: 20, Window(Extent(3), strides: Extent(2, 1), padding: .sides(Halo(top: 1, left: 2, right: 1))),
          usesBias: false)),
      LayerKind(Conv2D(filters: 35, Window(Extent(1), strides: Extent(1, 2)))), .relu,
      LayerKind(Conv2D(filters: 17, Window(Extent(3, 2), dilation: Extent(1, 2), padding: .same))), .relu, .flatten,
      .dense(units: 6), .softmax,
    ]))

  /// Groups of whole vectors and not, each channel by itself and with several results.
  package static let grouped = ModelSpecification(
    input: ImageShape(height: 9, width: 10, channels: 3),
    layers: named([
      LayerKind(DepthwiseConv2D(Window(Extent(3), padding: .same), multiplier: 6)), .relu,
      LayerKind(DepthwiseConv2D(Window(Extent(3), strides: Extent(2), padding: .same), usesBias: false)), .relu,
      LayerKind(Conv2D(filters: 40, Window(Extent(1)))), .relu,
      LayerKind(Conv2D(filters: 20, Window(Extent(3), strides: Extent(1, 2), padding: .same), groups: 4)), .relu,
      LayerKind(Conv2D(filters: 64, Window(Extent(1)), usesBias: false)),
      LayerKind(Conv2D(filters: 32, Window(Extent(2)), groups: 2)), .relu,
      LayerKind(DepthwiseConv2D(Window(Extent(5, 3), padding: .same))), .flatten,
      LayerKind(Dense(units: 9, usesBias: false)), .relu, LayerKind(Dense(units: 6, usesBias: false)), .softmax,
    ]))

  /// Pools that overlap, with zeros around, over one side, that leave pixels out, and of the whole image.
  package static let pools = ModelSpecification(
    input: ImageShape(height: 13, width: 14, channels: 3),
    layers: named([
      LayerKind(AveragePool2D(Window(Extent(2), padding: .sides(Halo(top: 1, left: 1))))), conv(18, 3), .relu,
      LayerKind(MaxPool2D(Window(Extent(3), strides: Extent(2), padding: .same), ties: .all)), conv(20, 3),
      LayerKind(MaxPool2D(Window(Extent(3, 2), strides: Extent(1)), ties: .first)), .relu,
      LayerKind(AveragePool2D(Window(Extent(3), strides: Extent(1, 2), padding: .same))), conv(33, 1), .relu,
      LayerKind(MaxPool2D(Window(Extent(1), strides: Extent(2)), ties: .all)), LayerKind(GlobalAveragePool2D()),
      .dense(units: 6), .softmax,
    ]))

  package static let all: [(name: String, model: ModelSpecification)] = [
    ("digits", digits), ("odd", odd), ("lenet", lenet), ("unusual", unusual), ("winograd", winograd),
    ("activations", activations), ("smooth", smooth), ("strided", strided), ("grouped", grouped), ("pools", pools),
    ("residual", residual(norm: nil)), ("frozen", frozen), ("frozen end", frozenEnd),
  ]

  /// Layers that are not trained before, between and after those that are: a convolution, norms, a dense layer.
  package static let frozen = freezing(
    ["conv2d_1", "batch_norm_1", "batch_norm_2", "conv2d_3", "batch_norm_3", "dense_1"],
    [
      conv(5, 3), .batchNorm, .relu, conv(18, 3, .same, .winograd), LayerKind(BatchNorm(scale: false)), .relu,
      .maxPool2d(ties: .first), conv(9, 3, .same), LayerKind(BatchNorm(center: false)), .flatten, .dense(units: 7),
      .relu,
      .dense(units: 4), .softmax,
    ])

  /// All layers after the first convolution.
  package static let frozenEnd = freezing(
    ["conv2d_2", "dense_1", "dense_2"],
    [conv(5, 3), .relu, conv(17, 3), .relu, .flatten, .dense(units: 7), .relu, .dense(units: 3), .softmax])

  private static func freezing(_ names: Set<String>, _ kinds: [LayerKind]) -> ModelSpecification {
    let layers = named(kinds).map { layer in
      var layer = layer
      layer.isTrainable = !names.contains(layer.name)
      return layer
    }
    precondition(layers.count { !$0.isTrainable } == names.count, "A layer that is to be frozen is not there.")
    return ModelSpecification(input: ImageShape(height: 6, width: 4, channels: 3), layers: layers)
  }
}

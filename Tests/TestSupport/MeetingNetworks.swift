import Network

extension TestNetworks {
  /// Nets whose layers meet in the middle of both passes: once between convolutions; twice there and after a dense layer.
  package static let meeting: [ModelSpecification] = [
    meeting([conv(5, 3), LayerKind(Centering()), .relu, .flatten, .dense(units: 3), .softmax]),
    meeting([
      conv(17, 3), LayerKind(Centering()), .relu, conv(16, 3, .same, .winograd), LayerKind(Centering()),
      .maxPool2d(ties: .all), conv(4, 1), .flatten, .dense(units: 9), LayerKind(Centering()), .relu, .dense(units: 3),
      .softmax,
    ]),
    meeting([
      .batchNorm, conv(5, 3), .batchNorm, .relu, conv(18, 3, .same, .winograd), .batchNorm, .relu,
      .maxPool2d(ties: .first), .batchNorm, .flatten, .dense(units: 7), LayerKind(BatchNorm(scale: false)), .relu,
      .dense(units: 3), LayerKind(BatchNorm(center: false)), .softmax,
    ]),
    residual(norm: .batchNorm),
    meeting([
      conv(18, 3), .batchNorm, .relu, .dropout(rate: 0.2), conv(5, 3), .batchNorm, LayerKind(SiLU()), .flatten,
      .dense(units: 17), .batchNorm, .relu, .dropout(rate: 0.4), .dense(units: 3), .softmax,
    ]),
    sums,
  ]

  /// `((x + other(z)) + branch(x))`, where x is the sum of z and of what is computed from it: sums of sums, which a residual
  /// block does not make.
  private static let sums: ModelSpecification = {
    let kinds: [(name: String, kind: LayerKind, inputs: [String]?)] = [
      ("conv", conv(16, 3), nil), ("norm", .batchNorm, nil), ("z", .relu, nil),
      ("first_conv", conv(16, 3), nil), ("first", .batchNorm, nil), ("first_sum", LayerKind(Add()), ["first", "z"]),
      ("x", .relu, nil), ("other_conv", conv(16, 3), ["z"]), ("other", .batchNorm, nil),
      ("second_sum", LayerKind(Add()), ["x", "other"]), ("branch_conv", conv(16, 3), ["x"]),
      ("branch", .batchNorm, nil),
      ("third_sum", LayerKind(Add()), ["second_sum", "branch"]), ("end", .relu, nil), ("flat", .flatten, nil),
      ("dense", .dense(units: 3), nil), ("softmax", .softmax, nil),
    ]
    let layers = kinds.map { name, kind, inputs in
      var layer = LayerSpecification(name: name, kind: kind)
      layer.inputs = inputs
      return layer
    }
    return ModelSpecification(input: ImageShape(height: 6, width: 4, channels: 3), layers: layers)
  }()

  /// The same with norms over groups: all of them, and between norms over the whole batch.
  package static func groups(of examples: Int) -> [ModelSpecification] {
    func norm(_ size: Int?, center: Bool = true) -> LayerKind {
      LayerKind(BatchNorm(epsilon: 1e-3, center: center, groupExamples: size))
    }
    return [
      meeting([
        norm(examples), conv(5, 3), norm(2 * examples), .relu, conv(18, 3, .same, .winograd),
        norm(examples, center: false),
        .maxPool2d(ties: .first), .flatten, .dense(units: 7), norm(examples), .relu, .dense(units: 3),
        norm(2 * examples),
        .softmax,
      ]),
      meeting([
        conv(5, 3), norm(nil), .relu, conv(18, 3), norm(3 * examples), .relu, .flatten, .dense(units: 7), norm(nil),
        .relu,
        .dense(units: 5), norm(examples), .relu, .dense(units: 3), .softmax,
      ]),
      residual(norm: norm(2 * examples)),
    ]
  }

  private static func meeting(_ kinds: [LayerKind]) -> ModelSpecification {
    ModelSpecification(input: ImageShape(height: 6, width: 4, channels: 3), layers: named(kinds))
  }

  /// An inverted residual block as in MobileNetV2, with all activations and dropout around it.
  package static let inverted: ModelSpecification = {
    func norm(_ kind: LayerKind) -> [LayerKind] { [kind, LayerKind(BatchNorm(epsilon: 1e-5))] }
    func plain(_ filters: Int, _ size: Int) -> LayerKind {
      LayerKind(Conv2D(filters: filters, Window(Extent(size), padding: .same), usesBias: false))
    }
    let depthwise = LayerKind(DepthwiseConv2D(Window(Extent(3), padding: .same), usesBias: false))
    let block = named(norm(plain(24, 1)) + [.relu6] + norm(depthwise) + [.relu6] + norm(plain(8, 1)))
    let (front, back): ([LayerKind], [LayerKind]) = (
      norm(plain(8, 3)) + [LayerKind(GELU())],
      [
        LayerKind(SiLU()), .averagePool2d, .dropout(rate: 0.25), .flatten, .dropout(rate: 0.1), .dense(units: 20),
        LayerKind(SiLU()), .dropout(rate: 0.5), .dense(units: 10), .softmax,
      ]
    )
    let all = named(front + back)
    return ModelSpecification(
      input: ImageShape(height: 8, width: 8, channels: 3),
      entries: all.prefix(front.count).map { .layer($0) }
        + [.residual(ResidualBlock(name: "residual_1", layers: block))] + all.dropFirst(front.count).map { .layer($0) })
  }()

  /// Two identity blocks, one with a projection, as in nets for CIFAR; without norms where `norm` is `nil`.
  package static func residual(norm: LayerKind?) -> ModelSpecification {
    func same(_ filters: Int, strides: Int = 1) -> [LayerKind] {
      [
        LayerKind(
          Conv2D(filters: filters, Window(Extent(3), strides: Extent(strides), padding: .same), usesBias: false))
      ]
        + (norm.map { [$0] } ?? [])
    }
    let projection =
      [LayerKind(Conv2D(filters: 24, Window(Extent(1), strides: Extent(2)), usesBias: norm == nil))]
      + (norm.map { [$0] } ?? [])
    let entries: [ModelEntry] =
      named(same(16) + [.relu]).map { .layer($0) } + [
        .residual(
          ResidualBlock(
            name: "residual_1", layers: named(same(16) + [.relu] + same(16)), activation: .relu, times: 2)),
        .residual(
          ResidualBlock(
            name: "residual_2", layers: named(same(24, strides: 2) + [.relu] + same(24)), shortcut: named(projection),
            activation: LayerKind(LeakyReLU(slope: 0.1)))),
        .residual(ResidualBlock(name: "residual_3", layers: named(same(24)))),
      ] + named([LayerKind(GlobalAveragePool2D()), .dense(units: 3), .softmax]).map { .layer($0) }
    return ModelSpecification(input: ImageShape(height: 6, width: 4, channels: 3), entries: entries)
  }
}

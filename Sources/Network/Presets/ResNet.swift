/// Residual nets: those for CIFAR and those for ImageNet of He et al. 2016, the latter as torchvision has them (v1.5: the
/// stride of a bottleneck is its 3×3 convolution's).
///
/// A block whose input has another shape than its output projects it by a 1×1 convolution with a norm (option B, in the nets
/// for CIFAR too).
enum ResNet {
  static let presets = [
    cifar("resnet20", blocks: 3),
    cifar("resnet32", blocks: 5),
    cifar("resnet56", blocks: 9),
    imagenet("resnet18", .basic, blocks: [2, 2, 2, 2]),
    imagenet("resnet34", .basic, blocks: [3, 4, 6, 3]),
    imagenet("resnet50", .bottleneck, blocks: [3, 4, 6, 3]),
  ]

  private static func cifar(_ name: String, blocks: Int) -> Preset {
    Preset(name, input: .cifar) { classes in
      var net = PresetEntries()
      net.add(.bare(16, 3), .batchNorm, .relu)
      addStages(to: &net, .basic, widths: [16, 32, 64], blocks: [blocks, blocks, blocks])
      addHead(to: &net, classes)
      return net.entries
    }
  }

  private static func imagenet(_ name: String, _ block: Block, blocks: [Int]) -> Preset {
    Preset(name) { stem, classes in
      var net = PresetEntries()
      switch stem {
      case .imagenet:
        net.add(.bare(64, 7, strides: 2), .batchNorm, .relu)
        let window = Window(
          Extent(3), strides: Extent(2), padding: .sides(Halo(top: 1, bottom: 1, left: 1, right: 1)))
        net.add(LayerKind(MaxPool2D(window, ties: .first)))
      case .cifar:
        net.add(.bare(64, 3), .batchNorm, .relu)
      }
      addStages(to: &net, block, widths: [64, 128, 256, 512], blocks: blocks)
      addHead(to: &net, classes)
      return net.entries
    }
  }

  /// Stages of so many blocks, which begin with as many channels as the first is wide; each but the first halves height and
  /// width.
  private static func addStages(to net: inout PresetEntries, _ block: Block, widths: [Int], blocks: [Int]) {
    var channels = widths.first ?? 0
    for (stage, (width, count)) in zip(widths, blocks).enumerated() {
      let strides = stage == 0 ? 1 : 2
      let outputs = width * block.expansion
      let projects = strides > 1 || outputs != channels
      if projects {
        net.addResidual(
          block.layers(width, strides: strides), shortcut: [.bare(outputs, 1, strides: strides), .batchNorm])
      }
      net.addResidual(block.layers(width), times: projects ? count - 1 : count)
      channels = outputs
    }
  }

  private static func addHead(to net: inout PresetEntries, _ classes: Int) {
    net.add(LayerKind(GlobalAveragePool2D()), .dense(units: classes), .softmax)
  }

  private enum Block {
    /// Two 3×3 convolutions.
    case basic
    /// A 1×1 convolution to few channels, a 3×3 one, and a 1×1 one to four times as many.
    case bottleneck

    var expansion: Int {
      switch self {
      case .basic: 1
      case .bottleneck: 4
      }
    }

    func layers(_ width: Int, strides: Int = 1) -> [LayerKind] {
      switch self {
      case .basic:
        [.bare(width, 3, strides: strides), .batchNorm, .relu, .bare(width, 3), .batchNorm]
      case .bottleneck:
        [
          .bare(width, 1), .batchNorm, .relu, .bare(width, 3, strides: strides), .batchNorm, .relu,
          .bare(width * expansion, 1), .batchNorm,
        ]
      }
    }
  }
}

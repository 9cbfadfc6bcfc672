/// MobileNetV2 (Sandler et al. 2018) as torchvision has it: inverted residual blocks, whose 3×3 convolution of single channels
/// stands between a 1×1 convolution to `expansion` times as many channels and one back to few; a block that keeps its input's
/// shape is added to it, without an activation.
enum MobileNet {
  static let presets = [
    Preset("mobilenet_v2") { stem, classes in
      let isSmall = stem == .cifar
      var net = PresetEntries()
      net.add(.bare(32, 3, strides: isSmall ? 1 : 2), .batchNorm, .relu6)
      var channels = 32
      for stage in stages {
        let strides = isSmall && stage.channels == 24 ? 1 : stage.strides
        net.add(block(channels, stage, strides: strides))
        channels = stage.channels
        net.addResidual(block(channels, stage, strides: 1), activation: nil, times: stage.blocks - 1)
      }
      net.add(.bare(1280, 1), .batchNorm, .relu6, LayerKind(GlobalAveragePool2D()))
      net.add(.dropout(rate: 0.2), .dense(units: classes), .softmax)
      return net.entries
    }
  ]

  private struct Stage {
    var expansion = 6
    var channels: Int
    var blocks: Int
    /// Of the first block.
    var strides: Int
  }

  private static let stages = [
    Stage(expansion: 1, channels: 16, blocks: 1, strides: 1), Stage(channels: 24, blocks: 2, strides: 2),
    Stage(channels: 32, blocks: 3, strides: 2), Stage(channels: 64, blocks: 4, strides: 2),
    Stage(channels: 96, blocks: 3, strides: 1), Stage(channels: 160, blocks: 3, strides: 2),
    Stage(channels: 320, blocks: 1, strides: 1),
  ]

  /// A block after so many channels.
  private static func block(_ channels: Int, _ stage: Stage, strides: Int) -> [LayerKind] {
    let depthwise = DepthwiseConv2D(
      Window(Extent(3), strides: Extent(strides), padding: .sides(Halo(top: 1, bottom: 1, left: 1, right: 1))),
      usesBias: false)
    let expansion: [LayerKind] =
      stage.expansion == 1 ? [] : [.bare(channels * stage.expansion, 1), .batchNorm, .relu6]
    return expansion + [LayerKind(depthwise), .batchNorm, .relu6, .bare(stage.channels, 1), .batchNorm]
  }
}

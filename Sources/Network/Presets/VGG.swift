/// VGG with batch norms (Simonyan and Zisserman 2015, torchvision's configurations A and D): 3×3 convolutions, each with a
/// norm and a ReLU, in five stages that a 2×2 pool ends.
///
/// Behind them is a head for small images, a dense layer of 512 units and one of the classes, instead of torchvision's
/// three layers, which have 120 million weights.
enum VGG {
  static let presets = [
    preset("vgg11_bn", [1, 1, 2, 2, 2]),
    preset("vgg16_bn", [2, 2, 3, 3, 3]),
  ]

  /// - Parameter convolutions: of each stage.
  private static func preset(_ name: String, _ convolutions: [Int]) -> Preset {
    Preset(name, input: .cifar) { classes in
      var net = PresetEntries()
      for (filters, count) in zip([64, 128, 256, 512, 512], convolutions) {
        for _ in 0..<count { net.add(.bare(filters, 3), .batchNorm, .relu) }
        net.add(.maxPool2d(ties: .first))
      }
      net.add(.flatten, .dense(units: 512), .relu, .dense(units: classes), .softmax)
      return net.entries
    }
  }
}

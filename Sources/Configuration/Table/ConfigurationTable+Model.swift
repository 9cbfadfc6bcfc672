import ConfigurationKeys
import Network
import Storage

extension ConfigurationTable {
  static let model: [ConfigurationKey] = [
    ConfigurationKey(
      "preset", .choice(presets), otherwise: "none",
      "A known net instead of `layers`. `lockstep config` prints its layers, and a run's own configuration holds them."),
    ConfigurationKey("input", size, "Height, width and channels of an image.").without("preset"),
    ConfigurationKey(
      "layers",
      .array(
        of: .section(layer),
        ArrayRule(
          0...1024,
          "an array of at most 1024 layers such as { type: \"conv2d\", filters: 32, kernel_size: 3 }, or preset instead"
        )),
      "The layers from the images to the classes."
    ).without("preset"),
    ConfigurationKey(
      "input", size,
      otherwise: "[28, 28, 1] for lenet; [224, 224, 3] for a net with `stem` imagenet; [32, 32, 3] for all others",
      "Height, width and channels of an image."
    ).with("preset", presets),
    ConfigurationKey("classes", .integer(1...65536), "Outputs of the net.").with("preset", presets),
    ConfigurationKey(
      "stem", .choice(of: PresetStem.self), default: .string(PresetStem.imagenet.rawValue),
      "How the net begins: imagenet: as in the paper, with height and width a quarter after it; cifar: for small images, with a 3×3 convolution and strides 1."
    ).with("preset", PresetRegistry.presets.filter(\.hasStem).map(\.name)),
    ConfigurationKey(
      "frozen",
      .array(
        of: .text(frozenName),
        ArrayRule(1...1024, areDistinct: true, "an array of names such as conv2d_1, residual_1 or conv2d_*")),
      otherwise: "none",
      "Layers whose parameters are not trained, by their names, those of their blocks, or beginnings of names before a `*`; norms among them normalise by their running statistics."
    ),
  ]

  private static let frozenName = TextRule(
    "1 to 200 letters, digits, _, - and /, the last of which may be a *",
    pattern: "^[A-Za-z0-9_/-]{0,200}[A-Za-z0-9_/*-]$"
  ) { name in
    (1...201).contains(name.utf8.count)
      && name.utf8.dropLast(name.utf8.last == UInt8(ascii: "*") ? 1 : 0).allSatisfy {
        isNameByte($0) || $0 == UInt8(ascii: "/")
      }
  }

  private static let presets = PresetRegistry.presets.map(\.name)

  private static let size = KeyKind.array(
    of: .integer(sizes),
    ArrayRule(3...3, "[height, width, channels], each from \(sizes.lowerBound) to \(sizes.upperBound)"))

  private static let sizes: ClosedRange<Int> = 1...65536

  /// The keys of an entry of `layers`, each with the types that have it.
  static let layer =
    keys(
      of: LayerRegistry.typeNames + [ResidualBlock.typeName],
      "The kind of layer; the last is `softmax`, whose loss is cross-entropy.")
    + [
      ConfigurationKey(
        "layers", .array(of: .section(innerLayer), ArrayRule(1...256, "an array of 1 to 256 layers")),
        "The block's layers; for input x its output is activation(layers(x) + shortcut(x))."
      ),
      ConfigurationKey(
        "shortcut", .array(of: .section(innerLayer), ArrayRule(0...256, "an array of at most 256 layers")),
        default: .array([]), "What is added to their output; with no layers, x itself."),
      ConfigurationKey(
        "activation", .choice(of: ActivationWord.self), otherwise: "none",
        "Applied to the sum; relu6 is a relu with `max_value` 6."),
      ConfigurationKey(
        "repeat", .integer(1...256), default: .integer(1),
        "The number of such blocks in a row, called `<name>_1`, `<name>_2` and so on, with tensors `<name>_1/conv2d_1.weight`."
      ),
    ].map { $0.with("type", ResidualBlock.typeName) }

  /// Those of a layer in a residual block.
  private static let innerLayer = keys(of: LayerRegistry.typeNames, "The kind of layer.")

  private static func keys(of types: [String], _ documentation: String) -> [ConfigurationKey] {
    [
      ConfigurationKey("type", .choice(types), documentation),
      ConfigurationKey(
        "name", .text(name), otherwise: "`<type>_<n>`, n counted from 1 per type",
        "What its tensors are called: `<name>.weight`."),
    ] + LayerRegistry.types.flatMap { type in type.keys.map { $0.with("type", type.typeName) } } + [
      ConfigurationKey(
        "activation", .choice(of: ActivationWord.self), otherwise: "none",
        "A layer after this one, without an entry of its own; relu6 is a relu with `max_value` 6. `lockstep config` prints it as an entry."
      ).with("type", [Conv2D.typeName, DepthwiseConv2D.typeName, Dense.typeName])
    ]
      + [
        ConfigurationKey(
          "trainable", .bool, default: .bool(true),
          "Whether its parameters are trained; a norm that is not trained normalises by its running statistics."),
        ConfigurationKey(
          "lr_scale", .number(.notNegative), default: .number(1),
          "What the learning rate of its parameters is multiplied by."),
      ].map { $0.with("type", LayerRegistry.parametric.map { $0.typeName }) }
  }

  private static let name = TextRule(
    "1 to 64 letters, digits, _ and -, as tensors are called <name>.weight", pattern: "^[A-Za-z0-9_-]{1,64}$"
  ) { name in
    (1...64).contains(name.count)
      && name.utf8.allSatisfy(isNameByte)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

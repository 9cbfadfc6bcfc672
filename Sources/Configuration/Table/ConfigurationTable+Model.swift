import ConfigurationKeys
import Network
import Storage

extension ConfigurationTable {
  static let model: [ConfigurationKey] = [
    ConfigurationKey(
      "input",
      .array(
        of: .integer(sizes),
        ArrayRule(3...3, "[height, width, channels], each from \(sizes.lowerBound) to \(sizes.upperBound)")),
      "Height, width and channels of an image."),
    ConfigurationKey(
      "layers",
      .array(
        of: .section(layer),
        ArrayRule(
          0...1024,
          "an array of at most 1024 layers such as { type: \"conv2d\", filters: 32, kernel_size: 3 }")),
      "The layers from the images to the classes."),
  ]

  private static let sizes: ClosedRange<Int> = 1...65536

  /// The keys of a layer, each with the types that have it.
  static let layer: [ConfigurationKey] =
    [
      ConfigurationKey(
        "type", .choice(LayerRegistry.typeNames),
        "The kind of layer; `softmax`, with cross-entropy as its loss, is the last."),
      ConfigurationKey(
        "name",
        .text(
          TextRule("1 to 64 letters, digits, _ and -, as tensors are called <name>.weight") { name in
            (1...64).contains(name.count)
              && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                  UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                  true
                default: false
                }
              }
          }), otherwise: "`<type>_<n>`, n counted from 1 per type", "What its tensors are called: `<name>.weight`."),
    ] + LayerRegistry.types.flatMap { type in type.keys.map { $0.with("type", type.typeName) } }
}

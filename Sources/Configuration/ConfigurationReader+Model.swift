import Diagnostics
import Network
import Storage

/// The `model` section.
extension ConfigurationReader {
  private static let sizes: ClosedRange<Int> = 1...65536
  private static let mostLayers: Int = 1024

  static func model(_ node: ConfigurationNode) throws(UserError) -> ModelSpecification {
    try node.allowOnly(["input", "layers"])
    let input: ImageShape = try inputShape(node)
    let allowed: String = "an array of layers such as { type: \"conv2d\", filters: 32, kernel_size: 3 }"
    guard let elements: [(path: String, value: JSONValue)] = try node.elements("layers", allowed: allowed) else {
      throw node.missing("layers", allowed: allowed)
    }
    guard elements.count <= mostLayers else {
      throw UserError(
        .badConfiguration, node.keyPath("layers"), "found \(elements.count) layers; allowed: at most \(mostLayers)")
    }
    var countOfType: [String: Int] = [:]
    var pathOfName: [String: String] = [:]
    var layers: [LayerSpecification] = []
    for element: (path: String, value: JSONValue) in elements {
      let layer: ConfigurationNode = try ConfigurationNode(element.value, path: element.path)
      let kind: LayerKind = try layerKind(layer)
      countOfType[kind.typeName, default: 0] += 1
      let name: String = try layerName(layer, default: "\(kind.typeName)_\(countOfType[kind.typeName] ?? 1)")
      if let earlier: String = pathOfName.updateValue(element.path, forKey: name) {
        throw UserError(
          .badConfiguration, layer.keyPath("name"),
          "found \"\(name)\", the name of \(earlier) too; allowed: one layer per name",
          hint: "layers without a name are called <type>_<n>, n counted from 1 per type")
      }
      layers.append(LayerSpecification(name: name, kind: kind))
    }
    return ModelSpecification(input: input, layers: layers)
  }

  private static func inputShape(_ node: ConfigurationNode) throws(UserError) -> ImageShape {
    let allowed: String = "[height, width, channels], each from \(sizes.lowerBound) to \(sizes.upperBound)"
    guard let value: JSONValue = node["input"] else { throw node.missing("input", allowed: allowed) }
    guard case .array(let elements) = value, elements.count == 3 else {
      throw ConfigurationNode.failure(node.keyPath("input"), value, allowed: allowed)
    }
    var lengths: [Int] = []
    for (index, element) in elements.enumerated() {
      guard let length: Int = element.exactInteger, sizes.contains(length) else {
        throw ConfigurationNode.failure(
          "\(node.keyPath("input"))[\(index)]", element,
          allowed: "an integer from \(sizes.lowerBound) to \(sizes.upperBound)")
      }
      lengths.append(length)
    }
    return ImageShape(height: lengths[0], width: lengths[1], channels: lengths[2])
  }

  private static func layerKind(_ node: ConfigurationNode) throws(UserError) -> LayerKind {
    let types: [String] = ["conv2d", "relu", "max_pool2d", "avg_pool2d", "flatten", "dense", "softmax"]
    switch try node.choice("type", of: types) {
    case "conv2d":
      try node.allowOnly(["type", "name", "filters", "kernel_size", "strides", "padding", "algorithm"])
      try fixed(node, "strides", to: 1)
      return .conv2d(
        filters: try node.integer("filters", in: sizes),
        kernelSize: try node.integer("kernel_size", in: 1...1024),
        padding: try node.choice("padding", default: Padding.valid),
        algorithm: try node.choice("algorithm", default: ConvolutionAlgorithm.auto))
    case "max_pool2d":
      try node.allowOnly(["type", "name", "pool_size", "strides", "ties"])
      try fixed(node, "pool_size", to: 2)
      try fixed(node, "strides", to: 2)
      return .maxPool2d(ties: try node.choice("ties", default: PoolTies.all))
    case "avg_pool2d":
      try node.allowOnly(["type", "name", "pool_size", "strides"])
      try fixed(node, "pool_size", to: 2)
      try fixed(node, "strides", to: 2)
      return .averagePool2d
    case "dense":
      try node.allowOnly(["type", "name", "units"])
      return .dense(units: try node.integer("units", in: 1...(1 << 24)))
    case let plain:
      try node.allowOnly(["type", "name"])
      return plain == "relu" ? .relu : plain == "flatten" ? .flatten : .softmax
    }
  }

  /// A key that Keras knows and for which this program has one value: `value` or `[value, value]`.
  private static func fixed(_ node: ConfigurationNode, _ key: String, to value: Int) throws(UserError) {
    guard let found: JSONValue = node[key], found.exactInteger != value else { return }
    if case .array(let pair) = found, pair.count == 2, pair.allSatisfy({ $0.exactInteger == value }) { return }
    throw ConfigurationNode.failure(node.keyPath(key), found, allowed: "\(value), the only value implemented")
  }

  private static func layerName(_ node: ConfigurationNode, default fallback: String) throws(UserError) -> String {
    guard let value: JSONValue = node["name"] else { return fallback }
    guard case .string(let name) = value, (1...64).contains(name.count),
      name.utf8.allSatisfy({ byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      })
    else {
      throw ConfigurationNode.failure(
        node.keyPath("name"), value, allowed: "1 to 64 letters, digits, _ and -, as tensors are called <name>.weight")
    }
    return name
  }
}

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
    let name: String = try node.choice("type", of: LayerRegistry.typeNames)
    guard let type: any LayerType.Type = LayerRegistry.type(named: name) else {
      fatalError("The layer type \(name) is allowed, but not registered.")
    }
    return LayerKind(type.init(try values(of: type.keys, node)))
  }

  /// The values of a layer's keys, defaults filled in.
  private static func values(of keys: [LayerKey], _ node: ConfigurationNode) throws(UserError) -> LayerValues {
    try node.allowOnly(["type", "name"] + keys.map(\.name))
    var values: LayerValues = [:]
    for key: LayerKey in keys { values.append(key.name, try value(of: key, node)) }
    return values
  }

  private static func value(of key: LayerKey, _ node: ConfigurationNode) throws(UserError) -> LayerValue {
    if let fallback: LayerValue = key.fallback, !node.has(key.name) { return fallback }
    switch key.kind {
    case .integer(let range): return .integer(try node.integer(key.name, in: range))
    case .number(let range):
      return .number(
        try node.number(
          key.name, default: range.lowerBound, allowed: "a number from \(range.lowerBound) to \(range.upperBound)",
          where: range.contains))
    case .choice(let names): return .text(try node.choice(key.name, of: names))
    case .fixed(let value):
      try fixed(node, key.name, to: value)
      return .integer(value)
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

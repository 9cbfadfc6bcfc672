import Diagnostics
import Network
import Storage

/// The `data` section.
extension ConfigurationReader {
  static let dataFormats: [String] = ["digits", "idx", "synthetic"]

  /// - Parameter channels: of the model's input; `mean` and `std` have one value, or one per channel.
  func data(_ node: ConfigurationNode, channels: Int) throws(UserError) -> DataConfiguration {
    let common: [String] = ["format", "scale", "mean", "std"]
    let source: DataConfiguration.Source
    switch try node.choice("format", of: Self.dataFormats, default: "digits") {
    case "idx":
      try node.allowOnly(common + ["train", "test"])
      guard node.has("train") else {
        throw node.missing("train", allowed: "{ images: FILE, labels: FILE }")
      }
      source = .idx(
        train: try paths(node.node("train")), test: node.has("test") ? try paths(node.node("test")) : nil)
    case "synthetic":
      try node.allowOnly(common + ["examples", "test_examples", "classes"])
      source = .synthetic(
        examples: try node.integer("examples", in: 1...(1 << 26), default: 4096),
        testExamples: try node.integer("test_examples", in: 0...(1 << 26), default: 1024),
        classes: try node.integer("classes", in: 1...65536, default: 10))
    default:
      try node.allowOnly(common, elsewhere: [])
      source = .embeddedDigits
    }
    let data: DataConfiguration = DataConfiguration(
      source: source,
      scale: try node.number(
        "scale", default: source.defaultScale, allowed: "a finite number that is not 0", where: { $0 != 0 }),
      mean: try perChannel(
        node, "mean", channels: channels, default: 0, allowed: "finite numbers", where: { _ in true }),
      std: try perChannel(
        node, "std", channels: channels, default: 1, allowed: "finite numbers above 0", where: { $0 > 0 }))
    try requireFloats(data, node)
    return data
  }

  /// Pixels are bytes, and a Float once normalized.
  private func requireFloats(_ data: DataConfiguration, _ node: ConfigurationNode) throws(UserError) {
    let limit: Double = Double(Float.greatestFiniteMagnitude)
    for (channel, (mean, std)): (Int, (Double, Double)) in zip(data.mean, data.std).enumerated() {
      let largest: Double = max(abs(mean), abs(255 * data.scale - mean))
      guard largest / std > limit else { continue }
      throw UserError(
        .badConfiguration, node.keyPath(largest > limit ? "scale" : "std"),
        "(pixel · \(data.scale) − \(mean)) / \(std) reaches \(largest / std) in channel \(channel); allowed: at most "
          + "\(Float.greatestFiniteMagnitude), the largest Float")
    }
  }

  private func paths(_ node: ConfigurationNode) throws(UserError) -> DataConfiguration.IDXPaths {
    try node.allowOnly(["images", "labels"])
    return DataConfiguration.IDXPaths(images: try path(node, "images"), labels: try path(node, "labels"))
  }

  private func path(_ node: ConfigurationNode, _ key: String) throws(UserError) -> String {
    let allowed: String = "a file's path, absolute or relative to the configuration file"
    let path: String = try node.string(key, allowed: allowed)
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw ConfigurationNode.failure(node.keyPath(key), .string(path), allowed: allowed)
    }
    return PathText.resolve(path, in: folder)
  }

  /// One number per channel; a single one stands for all.
  private func perChannel(
    _ node: ConfigurationNode, _ key: String, channels: Int, default fallback: Double, allowed: String,
    where isAllowed: (Double) -> Bool
  ) throws(UserError) -> [Double] {
    let counts: String =
      channels == 1 ? "an array of 1 number" : "an array of 1 or \(channels) numbers, one per channel"
    guard let value: JSONValue = node[key] else { return Array(repeating: fallback, count: channels) }
    guard case .array(let elements) = value, elements.count == 1 || elements.count == channels else {
      throw ConfigurationNode.failure(node.keyPath(key), value, allowed: counts)
    }
    var numbers: [Double] = []
    for (index, element) in elements.enumerated() {
      numbers.append(
        try ConfigurationNode.number(
          element, path: "\(node.keyPath(key))[\(index)]", allowed: allowed, where: isAllowed))
    }
    return numbers.count == channels ? numbers : Array(repeating: numbers[0], count: channels)
  }
}

extension DataConfiguration.Source {
  /// What brings bytes to 0…1, as every source so far holds bytes.
  package var defaultScale: Double { 1.0 / 255 }

  /// The value of `data.format`.
  package var formatName: String {
    switch self {
    case .embeddedDigits: "digits"
    case .idx: "idx"
    case .synthetic: "synthetic"
    }
  }
}

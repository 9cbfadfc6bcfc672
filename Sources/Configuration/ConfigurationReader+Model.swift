import ConfigurationKeys
import Diagnostics
import Network
import Storage

/// The `model` section.
extension ConfigurationReader {
  /// The model, whose layers fit together; `nil` where something is wrong, which is noted.
  static func model(_ node: ConfigurationNode) -> ModelSpecification? {
    let model = node.mistakes.unlessMistaken { () -> ModelSpecification? in
      let input = node.value(of: node.keys[0])
      let layers = layers(node)
      guard case .array(let lengths) = input else { return nil }
      let sizes = lengths.compactMap(\.exactInteger)
      return ModelSpecification(
        input: ImageShape(height: sizes[0], width: sizes[1], channels: sizes[2]), layers: layers)
    }
    do throws(UserError) {
      _ = try model?.outputShapes()
      return model
    } catch {
      node.mistakes.add(error)
      return nil
    }
  }

  private static func layers(_ node: ConfigurationNode) -> [LayerSpecification] {
    var countOfType: [String: Int] = [:]
    var pathOfName: [String: String] = [:]
    var layers: [LayerSpecification] = []
    node.forEachSection(node.keys[1]) { element in
      // A layer with a mistake still counts for the names of those after it.
      if case .string(let type) = element["type"] { countOfType[type, default: 0] += 1 }
      guard let values = element.values() else { return }
      let kind = layerKind(values)
      var name = "\(kind.typeName)_\(countOfType[kind.typeName] ?? 1)"
      if case .string(let given) = values["name"] { name = given }
      if let earlier = pathOfName.updateValue(element.path, forKey: name) {
        node.mistakes.add(
          UserError(
            .badConfiguration, element.keyPath("name"),
            "found \"\(name)\", the name of \(earlier) too; allowed: one layer per name",
            hint: "layers without a name are called <type>_<n>, n counted from 1 per type"))
      }
      layers.append(LayerSpecification(name: name, kind: kind))
    }
    return layers
  }

  private static func layerKind(_ values: KeyValues) -> LayerKind {
    let name = values.string("type")
    guard let type = LayerRegistry.type(named: name) else {
      fatalError("The layer type \(name) is allowed, but not registered.")
    }
    return LayerKind(type.init(values))
  }
}

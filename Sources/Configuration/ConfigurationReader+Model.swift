import ConfigurationKeys
import Diagnostics
import Network
import Storage

/// The `model` section.
extension ConfigurationReader {
  /// The model, whose layers fit together; `nil` if something is wrong, which is noted.
  static func model(_ node: ConfigurationNode) -> ModelSpecification? {
    let model = node.mistakes.unlessMistaken { () -> ModelSpecification? in
      let input = node.value(of: node.keys[0])
      let entries = entries(node, node.keys[1])
      guard case .array(let lengths) = input else { return nil }
      let sizes = lengths.compactMap(\.exactInteger)
      return ModelSpecification(
        input: ImageShape(height: sizes[0], width: sizes[1], channels: sizes[2]), entries: entries)
    }
    do throws(UserError) {
      _ = try model?.outputShapes()
      return model
    } catch {
      node.mistakes.add(error)
      return nil
    }
  }

  /// The entries of an array of layers, with their names; `isInner` for those of a residual block.
  private static func entries(_ node: ConfigurationNode, _ key: ConfigurationKey, isInner: Bool = false) -> [ModelEntry]
  {
    var countOfType: [String: Int] = [:]
    var pathOfName: [String: String] = [:]
    var entries: [ModelEntry] = []
    node.forEachSection(key) { element in
      // A layer with a mistake still counts in the names of those after it.
      guard case .string(let type) = element["type"] else { return _ = element.values() }
      countOfType[type, default: 0] += 1
      guard let values = element.values() else { return }
      var name = "\(type)_\(countOfType[type] ?? 1)"
      if case .string(let given) = values["name"] { name = given }
      if let earlier = pathOfName.updateValue(element.path, forKey: name) {
        node.mistakes.add(
          UserError(
            .badConfiguration, element.keyPath("name"),
            "found \"\(name)\", which is also the name of \(earlier); allowed: one layer per name",
            hint: "layers without a name are called <type>_<n>, n counted from 1 per type"))
      }
      if type == ConfigurationTable.residual {
        entries.append(.residual(residual(element, values, name: name)))
      } else {
        entries.append(.layer(LayerSpecification(name: name, kind: layerKind(values), path: element.path)))
      }
    }
    return entries
  }

  private static func residual(_ node: ConfigurationNode, _ values: KeyValues, name: String) -> ResidualBlock {
    func layers(_ name: String) -> [LayerSpecification] {
      guard let key = node.keys.first(where: { $0.name == name }) else { return [] }
      return entries(node, key).compactMap {
        if case .layer(let layer) = $0 { layer } else { nil }
      }
    }
    var activation: LayerKind?
    if case .string(let type) = values["activation"] {
      activation = layerKind(ofType: type)
    }
    return ResidualBlock(
      name: name, layers: layers("layers"), shortcut: layers("shortcut"), activation: activation,
      times: values.integer("repeat"), path: node.path)
  }

  private static func layerKind(_ values: KeyValues) -> LayerKind {
    let name = values.string("type")
    guard let type = LayerRegistry.type(named: name) else {
      fatalError("The layer type \(name) is allowed, but not registered.")
    }
    return LayerKind(type.init(values))
  }

  /// A layer of which only the type is given.
  private static func layerKind(ofType name: String) -> LayerKind {
    let members = (LayerRegistry.type(named: name)?.keys ?? []).compactMap { key in
      if case .value(let value) = key.fallback { JSONValue.Member(key.name, value) } else { nil }
    }
    return layerKind(KeyValues([JSONValue.Member("type", .string(name))] + members))
  }
}

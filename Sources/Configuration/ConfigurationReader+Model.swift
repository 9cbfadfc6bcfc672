import ConfigurationKeys
import Diagnostics
import Network
import Storage

/// The `model` section.
extension ConfigurationReader {
  /// The model, whose layers fit together; `nil` if something is wrong, which is noted.
  static func model(_ node: ConfigurationNode) -> ModelSpecification? {
    if node.has("preset") { return preset(node) }
    return node.mistakes.unlessMistaken { written(node) }.flatMap { checked($0, node) }
  }

  /// So many that blocks cannot turn a small file into a net that fills the memory.
  private static let mostLayers = 4096

  private static func written(_ node: ConfigurationNode) -> ModelSpecification? {
    let input = node.key("input").flatMap { shape(node.value(of: $0)) }
    let layers = node.key("layers").map { entries(node, $0) }
    guard let input, let layers else { return nil }
    let count = layers.reduce(0) { $0 + $1.layerCount }
    guard count <= mostLayers else {
      node.mistakes.add(
        UserError(
          .badConfiguration, node.keyPath("layers"),
          "its residual blocks stand for \(count) layers in all; allowed: at most \(mostLayers)"))
      return nil
    }
    var model = ModelSpecification(input: input, entries: layers)
    model.frozen = frozen(node)
    return model
  }

  private static func frozen(_ node: ConfigurationNode) -> [String] {
    guard case .array(let names)? = node.key("frozen").flatMap({ node.value(of: $0) }) else { return [] }
    return names.compactMap {
      if case .string(let name) = $0 { name } else { nil }
    }
  }

  private static func preset(_ node: ConfigurationNode) -> ModelSpecification? {
    guard let values = node.values(), let preset = PresetRegistry.preset(named: values.string("preset")) else {
      return nil
    }
    let classes = values.integer("classes")
    let stem = preset.hasStem ? values.choice("stem", as: PresetStem.self) : nil
    let own = preset.model(classes: classes, stem: stem)
    var model = shape(values["input"]).map { preset.model(classes: classes, input: $0, stem: stem) } ?? own
    model.frozen = frozen(node)
    return checked(model, node, hint: "\(preset.name) was made for images of \(own.input)")
  }

  /// The model where its layers fit together; else notes what does not, with `hint` instead of a layer's own.
  private static func checked(
    _ model: ModelSpecification, _ node: ConfigurationNode, hint: String? = nil
  ) -> ModelSpecification? {
    do throws(UserError) {
      _ = try model.outputShapes()
      return model
    } catch {
      let isAboutShapes = error.subject != ModelGraph.frozenPath
      node.mistakes.add(
        UserError(error.category, error.subject, error.message, hint: isAboutShapes ? hint ?? error.hint : error.hint))
      return nil
    }
  }

  /// - Precondition: the value is one that the key's kind allows.
  private static func shape(_ value: JSONValue?) -> ImageShape? {
    guard case .array(let lengths) = value else { return nil }
    let sizes = lengths.compactMap(\.exactInteger)
    return ImageShape(height: sizes[0], width: sizes[1], channels: sizes[2])
  }

  /// The entries of an array of layers, with their names.
  private static func entries(_ node: ConfigurationNode, _ key: ConfigurationKey) -> [ModelEntry] {
    var names = LayerNames()
    var pathOfName: [String: String] = [:]
    var entries: [ModelEntry] = []
    func take(_ name: String, _ element: ConfigurationNode, _ key: String) {
      guard let earlier = pathOfName.updateValue(element.path, forKey: name) else { return }
      node.mistakes.add(
        UserError(
          .badConfiguration, element.keyPath(key),
          "found \"\(name)\", which is also the name of \(earlier); allowed: one layer per name",
          hint: "layers without a name are called <type>_<n>, n counted from 1 per type"))
    }
    node.forEachSection(key) { element in
      // A layer with a mistake still counts in the names of those after it.
      guard case .string(let type) = element["type"] else { return _ = element.values() }
      var name = names.next(type)
      guard let values = element.values() else { return }
      if case .string(let given) = values["name"] { name = given }
      take(name, element, "name")
      guard type != ResidualBlock.typeName else {
        return entries.append(.residual(residual(element, values, name: name)))
      }
      var layer = LayerSpecification(name: name, kind: layerKind(values), path: element.path)
      if values["trainable"] == .bool(false) { layer.isTrainable = false }
      if let scale = values["lr_scale"]?.floatingPoint { layer.rateScale = scale }
      entries.append(.layer(layer))
      guard let activation = activation(values) else { return }
      name = names.next(activation.typeName)
      take(name, element, "activation")
      entries.append(.layer(LayerSpecification(name: name, kind: activation, path: element.path)))
    }
    return entries
  }

  private static func residual(_ node: ConfigurationNode, _ values: KeyValues, name: String) -> ResidualBlock {
    func layers(_ name: String) -> [LayerSpecification] {
      guard let key = node.key(name) else { return [] }
      return entries(node, key).compactMap {
        if case .layer(let layer) = $0 { layer } else { nil }
      }
    }
    return ResidualBlock(
      name: name, layers: layers("layers"), shortcut: layers("shortcut"), activation: activation(values),
      times: values.integer("repeat"), path: node.path)
  }

  private static func layerKind(_ values: KeyValues) -> LayerKind {
    let name = values.string("type")
    guard let type = LayerRegistry.type(named: name) else {
      fatalError("The layer type \(name) is allowed, but not registered.")
    }
    return LayerKind(type.init(values))
  }

  /// The layer that `activation` stands for.
  private static func activation(_ values: KeyValues) -> LayerKind? {
    values["activation"] == nil ? nil : values.choice("activation", as: ActivationWord.self).kind
  }
}

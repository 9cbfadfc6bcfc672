import ConfigurationKeys
import Network
import Storage

extension RunConfiguration {
  /// The resolved configuration as the file that reads back as the same `RunConfiguration`.
  ///
  /// Keys in the documented order, every default written out, paths absolute, a layer in a line where it fits; ends with a
  /// newline.
  package var jsonText: String { jsonValue.prettyText() + "\n" }

  /// The same as a tree.
  package var jsonValue: JSONValue { ConfigurationTable.run.write(self) }
}

extension RuntimeConfiguration {
  /// The `runtime` section with every key.
  package var jsonValue: JSONValue { ConfigurationTable.runtime.write(self) }
}

extension ModelSpecification {
  /// The `model` section with every key.
  var jsonValue: JSONValue {
    .object(
      [
        .init("input", .array([input.height, input.width, input.channels].map { .integer($0) })),
        .init("layers", .array(entries.map { $0.map(\.jsonValue) } ?? layers.map(\.jsonValue))),
      ] + (frozen.isEmpty ? [] : [.init("frozen", .array(frozen.map { .string($0) }))]))
  }
}

extension ModelEntry {
  fileprivate var jsonValue: JSONValue {
    switch self {
    case .layer(let layer): return layer.jsonValue
    case .residual(let block):
      var members: [JSONValue.Member] = [
        .init("type", .string(ResidualBlock.typeName)), .init("name", .string(block.name)),
        .init("layers", .array(block.layers.map(\.jsonValue))),
        .init("shortcut", .array(block.shortcut.map(\.jsonValue))),
      ]
      if let activation = block.activation {
        members.append(.init("activation", .string(ActivationWord(activation)?.rawValue ?? activation.typeName)))
      }
      return .object(members + [.init("repeat", .integer(block.times))])
    }
  }
}

extension LayerSpecification {
  fileprivate var jsonValue: JSONValue {
    var members: [JSONValue.Member] =
      [.init("type", .string(kind.typeName)), .init("name", .string(name))] + kind.type.values.members
    if LayerRegistry.parametric.contains(where: { $0.typeName == kind.typeName }) {
      members += [.init("trainable", .bool(isTrainable)), .init("lr_scale", .number(rateScale))]
    }
    return .object(members)
  }
}

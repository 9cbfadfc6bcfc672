import ConfigurationKeys
import Network
import Storage

extension RunConfiguration {
  /// The resolved configuration as the file that reads back as the same `RunConfiguration`.
  ///
  /// Keys in the documented order, every default written out, paths absolute, one layer per line; ends with a newline.
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
    .object([
      .init("input", .array([input.height, input.width, input.channels].map { .integer($0) })),
      .init("layers", .array(layers.map(\.jsonValue))),
    ])
  }
}

extension LayerSpecification {
  fileprivate var jsonValue: JSONValue {
    .object([.init("type", .string(kind.typeName)), .init("name", .string(name))] + kind.type.values.members)
  }
}

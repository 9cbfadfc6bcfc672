import Storage

/// A key and where its value is kept in a `Root`: an object is read and written by an array of fields.
package struct KeyField<Root>: Sendable {
  package let key: ConfigurationKey
  /// Puts the object's value at the key into the root; leaves the root alone if the value is absent or a mistake.
  let read: @Sendable (ConfigurationNode, inout Root) -> Void
  /// The value to write; `nil` for none.
  let write: @Sendable (Root) -> JSONValue?

  package init(
    _ key: ConfigurationKey, read: @escaping @Sendable (ConfigurationNode, inout Root) -> Void,
    write: @escaping @Sendable (Root) -> JSONValue?
  ) {
    self.key = key
    self.read = read
    self.write = write
  }

  /// - Parameter set: is given only values that the key's kind allows.
  package init(
    _ key: ConfigurationKey, get: @escaping @Sendable (Root) -> JSONValue?,
    set: @escaping @Sendable (inout Root, JSONValue) -> Void
  ) {
    self.init(key, read: { node, root in if let value = node.value(of: key) { set(&root, value) } }, write: get)
  }

  package init(_ key: ConfigurationKey, _ path: WritableKeyPath<Root, Int> & Sendable) {
    self.init(
      key, get: { .integer($0[keyPath: path]) }, set: { $0[keyPath: path] = $1.exactInteger ?? $0[keyPath: path] })
  }

  package init(_ key: ConfigurationKey, _ path: WritableKeyPath<Root, Double> & Sendable) {
    self.init(
      key, get: { .number($0[keyPath: path]) }, set: { $0[keyPath: path] = $1.floatingPoint ?? $0[keyPath: path] })
  }

  package init(_ key: ConfigurationKey, _ path: WritableKeyPath<Root, [Double]> & Sendable) {
    self.init(
      key, get: { .array($0[keyPath: path].map { .number($0) }) },
      set: { if case .array(let elements) = $1 { $0[keyPath: path] = elements.compactMap(\.floatingPoint) } })
  }

  package init(_ key: ConfigurationKey, _ path: WritableKeyPath<Root, Bool> & Sendable) {
    self.init(
      key, get: { .bool($0[keyPath: path]) }, set: { if case .bool(let value) = $1 { $0[keyPath: path] = value } })
  }

  package init(_ key: ConfigurationKey, _ path: WritableKeyPath<Root, String> & Sendable) {
    self.init(
      key, get: { .string($0[keyPath: path]) }, set: { if case .string(let value) = $1 { $0[keyPath: path] = value } })
  }

  package init<Choice: RawRepresentable<String> & SendableMetatype>(
    _ key: ConfigurationKey, _ path: WritableKeyPath<Root, Choice> & Sendable
  ) {
    self.init(
      key, get: { .string($0[keyPath: path].rawValue) },
      set: { if case .string(let word) = $1, let value = Choice(rawValue: word) { $0[keyPath: path] = value } })
  }

  /// A section; without it, all its keys have their defaults.
  ///
  /// - Parameter check: notes what is wrong between its keys; called with what was read without a mistake.
  package static func section<Part>(
    _ name: String, _ path: WritableKeyPath<Root, Part> & Sendable, _ fields: [KeyField<Part>],
    check: @escaping @Sendable (ConfigurationNode, Part) -> Void = { _, _ in }, _ documentation: String
  ) -> KeyField {
    let key = ConfigurationKey(name, .section(fields.map(\.key)), otherwise: "", documentation)
    return KeyField(
      key,
      read: { node, root in
        let part = node.mistakes.unlessMistaken { () -> (ConfigurationNode, Part)? in
          guard let section = node.section(key) else { return nil }
          fields.read(section, into: &root[keyPath: path])
          return (section, root[keyPath: path])
        }
        if let part { check(part.0, part.1) }
      }, write: { fields.write($0[keyPath: path]) })
  }

  /// A section that may or may not be missing, as `key` says; `nil` stands for its absence.
  package static func section<Part: Sendable>(
    _ key: ConfigurationKey, _ path: WritableKeyPath<Root, Part?> & Sendable, _ fields: [KeyField<Part>], empty: Part
  ) -> KeyField {
    KeyField(
      key,
      read: { node, root in
        guard node.value(of: key) != nil, let section = node.section(key) else { return }
        var part = empty
        fields.read(section, into: &part)
        root[keyPath: path] = part
      }, write: { $0[keyPath: path].map { fields.write($0) } })
  }
}

extension Array {
  /// Reads every key that is known in the object.
  package func read<Root>(_ node: ConfigurationNode, into root: inout Root) where Element == KeyField<Root> {
    for field in self {
      let (name, condition) = (field.key.name, field.key.condition)
      if node.keys.contains(where: { $0.name == name && $0.condition == condition }) { field.read(node, &root) }
    }
  }

  /// The object with the value of every field that has one and whose condition holds, in their order.
  package func write<Root>(_ root: Root) -> JSONValue where Element == KeyField<Root> {
    var members: [JSONValue.Member] = []
    for field in self {
      if let condition = field.key.condition {
        let word = members.first { $0.key == condition.key }?.value
        guard condition.words.contains(where: { .string($0) == word }) else { continue }
      }
      if let value = field.write(root) { members.append(JSONValue.Member(field.key.name, value)) }
    }
    return .object(members)
  }
}

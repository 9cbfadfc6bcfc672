/// A key of a layer in the configuration: what may stand there, and what it means.
package struct LayerKey: Sendable, Hashable {
  /// What may stand there.
  package enum Kind: Sendable, Hashable {
    case integer(ClosedRange<Int>)
    /// A finite number of the range.
    case number(ClosedRange<Double>)
    case choice([String])
    /// A key of Keras's with one value here: `n` or `[n, n]`.
    case fixed(Int)
  }
  package var name: String
  package var kind: Kind
  /// `nil` for a key that must be there.
  package var fallback: LayerValue?
  /// One line for the reference.
  package var documentation: String

  package init(_ name: String, _ kind: Kind, default fallback: LayerValue? = nil, _ documentation: String) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.documentation = documentation
  }
}

/// The value of a key of a layer.
package enum LayerValue: Sendable, Hashable {
  case integer(Int)
  case number(Double)
  case text(String)
}

/// The values of a layer's keys, in the keys' order.
package struct LayerValues: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  package private(set) var entries: [Entry] = []

  package struct Entry: Sendable, Hashable {
    package var key: String
    package var value: LayerValue
  }

  package init(dictionaryLiteral elements: (String, LayerValue)...) {
    entries = elements.map { Entry(key: $0.0, value: $0.1) }
  }

  package mutating func append(_ key: String, _ value: LayerValue) { entries.append(Entry(key: key, value: value)) }

  private func value(_ key: String) -> LayerValue? { entries.first { $0.key == key }?.value }

  /// - Precondition: `key` is one of the layer's keys and an integer; whoever made the values checked them.
  package func integer(_ key: String) -> Int {
    guard case .integer(let value) = value(key) else { fatalError("The layer key \(key) holds no integer.") }
    return value
  }

  package func number(_ key: String) -> Double {
    guard case .number(let value) = value(key) else { fatalError("The layer key \(key) holds no number.") }
    return value
  }

  package func choice<Choice: RawRepresentable<String>>(_ key: String, as type: Choice.Type) -> Choice {
    guard case .text(let name) = value(key), let choice = Choice(rawValue: name) else {
      fatalError("The layer key \(key) holds none of its choices.")
    }
    return choice
  }
}

extension LayerKey.Kind {
  /// The cases of an enumeration.
  static func choice<Choice: CaseIterable & RawRepresentable<String>>(of type: Choice.Type) -> Self {
    .choice(Choice.allCases.map(\.rawValue))
  }
}

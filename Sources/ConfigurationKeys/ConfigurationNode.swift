import Diagnostics
import Storage

/// One object of a configuration with its key path and the keys it may have.
///
/// Mistakes go to `mistakes`, and reading continues. A member that is `null` counts as absent.
package struct ConfigurationNode {
  package let path: String
  package let mistakes: ConfigurationMistakes
  /// The keys that are known here: those without a condition, and those whose condition holds.
  package let keys: [ConfigurationKey]
  private let members: [JSONValue.Member]
  /// The known keys that unknown ones most likely mean, so that they are not reported as missing too.
  private var meant: Set<String> = []

  /// Notes every key that is not known; `nil`, and a mistake, where `value` is not an object.
  package init?(_ value: JSONValue, path: String, keys: [ConfigurationKey], mistakes: ConfigurationMistakes) {
    guard case .object(let members) = value else {
      mistakes.add(
        KeyKind.failure(path.isEmpty ? "the configuration" : path, value, allowed: KeyKind.section(keys).allowed))
      return nil
    }
    self.path = path
    self.mistakes = mistakes
    self.members = members.filter { $0.value != .null }
    let found = self.members
    self.keys = keys.filter { key in
      guard let condition = key.condition else { return true }
      guard !condition.words.isEmpty else { return !found.contains { $0.key == condition.key } }
      return Self.word(condition.key, in: found, keys).map { condition.words.contains($0) } ?? false
    }
    // If the word that decides is itself wrong, or is missing, any key may be right.
    let isSettled = keys.allSatisfy { key in
      key.condition.map { Self.word($0.key, in: found, keys) != nil || Self.mayBeAbsent($0.key, found, keys) } ?? true
    }
    let allowed = (isSettled ? self.keys : keys).map(\.name)
    for member in found where !allowed.contains(member.key) { noteUnknown(member.key, allKeys: keys) }
  }

  /// The allowed word at a key, or its default if it is absent; `nil` if there is none.
  private static func word(_ name: String, in members: [JSONValue.Member], _ keys: [ConfigurationKey]) -> String? {
    guard let key = keys.first(where: { $0.name == name && $0.condition == nil }) else { return nil }
    var value = members.first { $0.key == name }?.value
    if value == nil, case .value(let fallback) = key.fallback { value = fallback }
    guard case .string(let word) = value, key.kind.mistake(in: .string(word), at: name) == nil else { return nil }
    return word
  }

  /// Whether a key is absent and need not be there.
  private static func mayBeAbsent(_ name: String, _ members: [JSONValue.Member], _ keys: [ConfigurationKey]) -> Bool {
    guard !members.contains(where: { $0.key == name }), let key = keys.first(where: { $0.name == name }) else {
      return false
    }
    if case .required = key.fallback { return false }
    return true
  }

  private mutating func noteUnknown(_ name: String, allKeys: [ConfigurationKey]) {
    // Hints cost time, and a hostile file may have any number of keys.
    guard mistakes.keepsMore else { return mistakes.add(UserError(.badConfiguration, keyPath(name), "unknown key")) }
    let hint: String?
    if let condition = Self.condition(of: name, allKeys) {
      hint = "\(name) goes \(condition.phrase(allKeys))"
    } else {
      let names = keys.map(\.name)
      let nearest = NearestName.suggestion(for: name, among: names)
      if let nearest { meant.insert(nearest) }
      let leaves = mistakes.knownPaths.map { $0.split(separator: ".").last.map { String($0) } ?? $0 }
      let elsewhere =
        nearest == nil || leaves.contains(name)
        ? NearestName.suggestion(for: name, among: leaves).flatMap { leaf in
          leaves.firstIndex(of: leaf).map { mistakes.knownPaths[$0] }
        } : nil
      hint = (elsewhere ?? nearest).map { "the nearest known key is \($0)" }
    }
    mistakes.add(
      UserError(
        .badConfiguration, keyPath(name),
        "unknown key; allowed: \(keys.map(\.name).joined(separator: ", "))", hint: hint))
  }

  /// The condition of a key, of one that is there under several words all of these.
  private static func condition(of name: String, _ keys: [ConfigurationKey]) -> ConfigurationKey.Condition? {
    let conditions = keys.filter { $0.name == name }.compactMap(\.condition)
    guard let first = conditions.first else { return nil }
    let alike = conditions.filter { $0.key == first.key && !$0.words.isEmpty }
    return alike.isEmpty ? first : ConfigurationKey.Condition(key: first.key, words: alike.flatMap(\.words))
  }

  package func keyPath(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// The key of a name, where it is known here.
  package func key(_ name: String) -> ConfigurationKey? { keys.first { $0.name == name } }

  package func has(_ name: String) -> Bool { self[name] != nil }

  package subscript(_ name: String) -> JSONValue? { members.first { $0.key == name }?.value }

  /// The value at a key, or its default if it is absent; `nil` if there is none or it is wrong, which is noted.
  package func value(of key: ConfigurationKey) -> JSONValue? {
    guard let value = self[key.name] else {
      switch key.fallback {
      case .value(let value): return value
      case .words: return nil
      case .required:
        if !meant.contains(key.name) {
          mistakes.add(
            UserError(.badConfiguration, keyPath(key.name), "is missing; allowed: \(key.kind.allowed)"))
        }
        return nil
      }
    }
    if let mistake = key.kind.mistake(in: value, at: keyPath(key.name)) {
      mistakes.add(mistake)
      return nil
    }
    return value
  }

  /// The object at a section's key, an empty one if it is absent; `nil` if it is something else, which is noted.
  package func section(_ key: ConfigurationKey) -> ConfigurationNode? {
    ConfigurationNode(self[key.name] ?? .object([]), path: keyPath(key.name), keys: key.keys, mistakes: mistakes)
  }

  /// Calls `body` for each object in the array at a key, in order; notes elements that are something else.
  package func forEachSection(_ key: ConfigurationKey, _ body: (ConfigurationNode) -> Void) {
    guard case .array(let elements) = value(of: key) else { return }
    for (index, element) in elements.enumerated() {
      let path = "\(keyPath(key.name))[\(index)]"
      if let node = ConfigurationNode(element, path: path, keys: key.keys, mistakes: mistakes) { body(node) }
    }
  }

  /// The values of all keys known here, defaults filled in; `nil` if one of them is wrong or missing, even if that is
  /// noted elsewhere, as the unknown key that seems to mean it.
  package func values() -> KeyValues? {
    mistakes.unlessMistaken { () -> KeyValues? in
      var members: [JSONValue.Member] = []
      var isWhole = true
      for key in keys {
        if let value = value(of: key) {
          members.append(JSONValue.Member(key.name, value))
        } else if case .required = key.fallback {
          isWhole = false
        }
      }
      return isWhole ? KeyValues(members) : nil
    }
  }
}

/// The checked values of an object's keys, in the keys' order.
package struct KeyValues: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  package let members: [JSONValue.Member]

  package init(_ members: [JSONValue.Member]) { self.members = members }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    members = elements.map { JSONValue.Member($0.0, $0.1) }
  }

  package subscript(_ name: String) -> JSONValue? { members.first { $0.key == name }?.value }

  /// - Precondition: the value is present and an integer, as the key's kind says; likewise for the others.
  package func integer(_ name: String) -> Int {
    guard let value = self[name]?.exactInteger else { fatalError("The key \(name) holds no integer.") }
    return value
  }

  package func number(_ name: String) -> Double {
    guard let value = self[name]?.floatingPoint else { fatalError("The key \(name) holds no number.") }
    return value
  }

  package func bool(_ name: String) -> Bool {
    guard case .bool(let value) = self[name] else { fatalError("The key \(name) holds no boolean.") }
    return value
  }

  package func string(_ name: String) -> String {
    guard case .string(let value) = self[name] else { fatalError("The key \(name) holds no text.") }
    return value
  }

  package func choice<Choice: RawRepresentable<String>>(_ name: String, as type: Choice.Type = Choice.self) -> Choice {
    guard let value = Choice(rawValue: string(name)) else { fatalError("The key \(name) holds none of its words.") }
    return value
  }
}

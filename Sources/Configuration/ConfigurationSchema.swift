import ConfigurationKeys
import Storage

/// The table of keys as a JSON Schema (draft 7), by which an editor checks and completes a configuration: Config/schema.json.
///
/// It accepts every configuration that the reader accepts. What it cannot say, the reader alone refuses: rules between keys
/// such as `cpus` beside `policy`, layers whose shapes do not fit, an order such as that of `"3-0"`.
package struct ConfigurationSchema {
  /// Config/schema.json.
  package static var text: String {
    var schema = ConfigurationSchema()
    let members = schema.section(ConfigurationTable.keys)
    let root: [JSONValue.Member] = [
      .init("$schema", .string("http://json-schema.org/draft-07/schema#")),
      .init("title", .string("A configuration of Lockstep")),
      .init("description", .string("Generated from Sources/Configuration/Table by `make references`.")),
    ]
    return JSONValue.object(root + members + [.init("definitions", .object(schema.definitions))]).prettyText() + "\n"
  }

  /// The objects in arrays, each once, by the names of their keys.
  private var definitions: [JSONValue.Member] = []

  /// What a key must be where it is not known: one that is null counts as absent.
  private static let null = JSONValue.object([.init("type", .string("null"))])

  // MARK: Objects

  /// What an object with these keys must be.
  private mutating func section(_ keys: [ConfigurationKey]) -> [JSONValue.Member] {
    var properties: [JSONValue.Member] = []
    for key in keys where !properties.contains(where: { $0.key == key.name }) {
      // Under a condition, the cases below say more.
      properties.append(.init(key.name, key.condition == nil ? value(of: key) : .object([])))
    }
    var members: [JSONValue.Member] = [
      .init("type", .string("object")), .init("properties", .object(properties)),
      .init("additionalProperties", Self.null),
    ]
    let required = keys.filter { $0.condition == nil && $0.isRequired }.map(\.name)
    if !required.isEmpty { members.append(.init("required", .array(required.map { .string($0) }))) }
    var deciding: [String] = []
    for key in keys.compactMap({ $0.condition?.key }) where !deciding.contains(key) { deciding.append(key) }
    let cases = deciding.flatMap { rules(about: $0, keys) }
    if !cases.isEmpty { members.append(.init("allOf", .array(cases))) }
    return members
  }

  /// What holds beside each word of a key, and beside none.
  private mutating func rules(about name: String, _ keys: [ConfigurationKey]) -> [JSONValue] {
    guard let key = keys.first(where: { $0.name == name && $0.condition == nil }), case .choice(let words) = key.kind
    else { preconditionFailure("The conditions on \(name) are not about the words of a choice.") }
    var cases: [JSONValue] = []
    for word in words {
      var allowed: [JSONValue] = [.string(word)]
      var needs: [JSONValue.Member] = [.init("required", .array([.string(name)]))]
      if case .value(.string(word)) = key.fallback {
        allowed.append(.null)
        needs = []
      }
      cases.append(
        rule(
          if: [.init("properties", .object([.init(name, .object([.init("enum", .array(allowed))]))]))] + needs,
          keys.filter { $0.condition?.key == name }
        ) { $0.words.contains(word) })
    }
    if case .words = key.fallback {
      let absent = JSONValue.object([.init(name, Self.null)])
      cases.append(
        rule(if: [.init("properties", absent)], keys.filter { $0.condition?.key == name }) { $0.words.isEmpty })
    }
    return cases
  }

  /// If an object is as `condition` says, the keys of which `isKnown` are known and all other `keys` are not.
  private mutating func rule(
    if condition: [JSONValue.Member], _ keys: [ConfigurationKey], isKnown: (ConfigurationKey.Condition) -> Bool
  ) -> JSONValue {
    let known = keys.filter { $0.condition.map(isKnown) ?? true }
    var properties: [JSONValue.Member] = []
    for key in known { properties.append(.init(key.name, value(of: key))) }
    for key in keys where !properties.contains(where: { $0.key == key.name }) {
      properties.append(.init(key.name, Self.null))
    }
    var then: [JSONValue.Member] = [.init("properties", .object(properties))]
    let required = known.filter(\.isRequired).map(\.name)
    if !required.isEmpty { then.append(.init("required", .array(required.map { .string($0) }))) }
    return .object([.init("if", .object(condition)), .init("then", .object(then))])
  }

  // MARK: Values

  /// What a key's value must be; of a key that may be absent, `null` too.
  private mutating func value(of key: ConfigurationKey) -> JSONValue {
    var members: [JSONValue.Member] = [.init("description", .string(key.documentation))]
    if case .value(let value) = key.fallback { members.append(.init("default", value)) }
    let kind = describe(key.kind, key.name)
    guard !key.isRequired else { return .object(members + kind) }
    let word = key.word.map { [JSONValue.object([.init("enum", .array([.string($0)]))])] } ?? []
    return .object(members + [.init("anyOf", .array(word + [.object(kind), Self.null]))])
  }

  private mutating func describe(_ kind: KeyKind, _ name: String) -> [JSONValue.Member] {
    switch kind {
    case .bool: return [.init("type", .string("boolean"))]
    case .integer(let range):
      return [
        .init("type", .string("integer")), .init("minimum", .integer(range.lowerBound)),
        .init("maximum", .integer(range.upperBound)),
      ]
    case .number(let rule): return number(rule)
    case .choice(let words): return [.init("enum", .array(words.map { .string($0) }))]
    case .text(let rule):
      return [.init("type", .string("string"))] + (rule.pattern.map { [.init("pattern", .string($0))] } ?? [])
    case .either(let kinds, _):
      return [.init("anyOf", .array(kinds.map { .object(describe($0, name)) }))]
    case .section(let keys): return section(keys)
    case .array(let kind, let rule):
      var element = JSONValue.object(describe(kind, name))
      if case .section = kind { element = reference(to: element, name) }
      return [
        .init("type", .string("array")), .init("items", element), .init("minItems", .integer(rule.counts.lowerBound)),
        .init("maxItems", .integer(rule.counts.upperBound)),
      ] + (rule.areDistinct ? [.init("uniqueItems", .bool(true))] : [])
    }
  }

  /// A number, which has to fit a Float.
  private func number(_ rule: NumberRule) -> [JSONValue.Member] {
    let largest = Double(Float.greatestFiniteMagnitude)
    var members: [JSONValue.Member] = [.init("type", .string("number"))]
    if rule.excluded == rule.lower {
      members.append(.init("exclusiveMinimum", .number(rule.lower)))
    } else {
      members.append(.init("minimum", .number(max(rule.lower, -largest))))
      if let excluded = rule.excluded { members.append(.init("not", .object([.init("const", .number(excluded))]))) }
    }
    return members + [.init("maximum", .number(min(rule.upper, largest)))]
  }

  /// A reference to an object's definition, which equal objects share.
  private mutating func reference(to object: JSONValue, _ name: String) -> JSONValue {
    var definition = definitions.first { $0.value == object }?.key
    if definition == nil {
      let count = definitions.count { $0.key.hasPrefix(name) }
      let new = count == 0 ? name : "\(name)_\(count + 1)"
      definitions.append(.init(new, object))
      definition = new
    }
    return .object([.init("$ref", .string("#/definitions/\(definition ?? name)"))])
  }
}

extension ConfigurationKey {
  /// Whether it must be there; a section that may be missing stands for an empty object, which may lack a key.
  fileprivate var isRequired: Bool {
    switch fallback {
    case .required: true
    case .value: false
    case .words(let words): words.isEmpty && keys.contains { ($0.condition?.words.isEmpty ?? true) && $0.isRequired }
    }
  }
}

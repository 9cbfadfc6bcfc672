import Diagnostics
import Storage

/// One object of a configuration with its key path: every read checks type and range and names the path when it fails.
///
/// A member that is `null` counts as absent.
struct ConfigurationNode {
  let path: String
  private let members: [JSONValue.Member]

  /// - Throws: `UserError` where `value` is no object.
  init(_ value: JSONValue, path: String) throws(UserError) {
    guard case .object(let members) = value else {
      throw Self.failure(path.isEmpty ? "the configuration" : path, value, allowed: "an object { … }")
    }
    self.path = path
    self.members = members.filter { $0.value != .null }
  }

  /// The error for a value that is not allowed.
  static func failure(_ path: String, _ value: JSONValue, allowed: String, hint: String? = nil) -> UserError {
    UserError(.badConfiguration, path, "found \(value.excerpt()); allowed: \(allowed)", hint: hint)
  }

  func keyPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func has(_ key: String) -> Bool { self[key] != nil }

  subscript(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  /// Refuses every key but `keys`, naming the nearest known one; `elsewhere` holds whole paths such as `training.epochs`.
  func allowOnly(_ keys: [String], elsewhere: [String] = []) throws(UserError) {
    guard let unknown: String = members.map(\.key).first(where: { !keys.contains($0) }) else { return }
    var nearest: String? = NearestName.nearest(to: unknown, among: keys)
    let misplaced: String? = elsewhere.first { $0.hasSuffix(".\(unknown)") }
    if let known: String = nearest, NearestName.distance(unknown, known) > max(1, known.count / 3) {
      nearest = misplaced ?? nearest
    }
    throw UserError(
      .badConfiguration, keyPath(unknown), "unknown key; allowed: \(keys.joined(separator: ", "))",
      hint: nearest.map { "the nearest known key is \($0)" })
  }

  /// The object at `key`, empty where it is absent.
  func node(_ key: String) throws(UserError) -> ConfigurationNode {
    try ConfigurationNode(self[key] ?? .object([]), path: keyPath(key))
  }

  func missing(_ key: String, allowed: String) -> UserError {
    UserError(.badConfiguration, keyPath(key), "is missing; allowed: \(allowed)")
  }

  func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws(UserError) -> Int {
    let allowed: String = "an integer from \(range.lowerBound) to \(range.upperBound)"
    guard let value: JSONValue = self[key] else {
      guard let fallback: Int else { throw missing(key, allowed: allowed) }
      return fallback
    }
    guard let result: Int = value.exactInteger, range.contains(result) else {
      throw Self.failure(keyPath(key), value, allowed: allowed)
    }
    return result
  }

  /// A number that a Float can hold and for which `isAllowed` is true.
  func number(
    _ key: String, default fallback: Double, allowed: String, where isAllowed: (Double) -> Bool
  ) throws(UserError) -> Double {
    guard let value: JSONValue = self[key] else { return fallback }
    return try Self.number(value, path: keyPath(key), allowed: allowed, where: isAllowed)
  }

  /// The same of a value that was found at `path`.
  static func number(
    _ value: JSONValue, path: String, allowed: String, where isAllowed: (Double) -> Bool
  ) throws(UserError) -> Double {
    guard let result: Double = value.floatingPoint, isAllowed(result) else {
      throw failure(path, value, allowed: allowed)
    }
    guard result.magnitude <= Double(Float.greatestFiniteMagnitude) else {
      throw UserError(
        .badConfiguration, path,
        "found \(value.excerpt()), out of range for Float, in which weights and pixels are held; allowed: \(allowed), "
          + "up to \(Float.greatestFiniteMagnitude)")
    }
    return result
  }

  func bool(_ key: String, default fallback: Bool) throws(UserError) -> Bool {
    guard let value: JSONValue = self[key] else { return fallback }
    guard case .bool(let result) = value else {
      throw Self.failure(keyPath(key), value, allowed: "true or false")
    }
    return result
  }

  func string(_ key: String, allowed: String) throws(UserError) -> String {
    guard let value: JSONValue = self[key] else { throw missing(key, allowed: allowed) }
    guard case .string(let result) = value else { throw Self.failure(keyPath(key), value, allowed: allowed) }
    return result
  }

  /// One of `choices`; a wrong one is answered with the nearest.
  func choice(_ key: String, of choices: [String], default fallback: String? = nil) throws(UserError) -> String {
    let allowed: String = choices.map { "\"\($0)\"" }.joined(separator: ", ")
    guard let value: JSONValue = self[key] else {
      guard let fallback: String else { throw missing(key, allowed: allowed) }
      return fallback
    }
    if case .string(let name) = value {
      if choices.contains(name) { return name }
      let nearest: String? = choices.count > 1 ? NearestName.nearest(to: name, among: choices) : nil
      throw Self.failure(keyPath(key), value, allowed: allowed, hint: nearest.map { "the nearest is \"\($0)\"" })
    }
    throw Self.failure(keyPath(key), value, allowed: allowed)
  }

  /// A choice among the cases of an enumeration.
  func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, default fallback: Choice
  ) throws(UserError) -> Choice {
    let name: String = try choice(key, of: Choice.allCases.map(\.rawValue), default: fallback.rawValue)
    return Choice(rawValue: name) ?? fallback
  }

  /// The elements at `key` with their key paths; `nil` where it is absent.
  func elements(_ key: String, allowed: String) throws(UserError) -> [(path: String, value: JSONValue)]? {
    guard let value: JSONValue = self[key] else { return nil }
    guard case .array(let elements) = value else { throw Self.failure(keyPath(key), value, allowed: allowed) }
    return elements.enumerated().map { ("\(keyPath(key))[\($0.offset)]", $0.element) }
  }
}

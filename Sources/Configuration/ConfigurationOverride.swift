import Diagnostics
import Storage

/// One value that replaces the file's: a key path such as `model.layers[2].filters`, and where it came from.
package struct ConfigurationOverride: Hashable, Sendable {
  /// Keys joined by dots; an array's element is `[2]` or `.2`.
  package var path: String
  package var value: JSONValue
  /// The flag or environment variable, for messages.
  package var origin: String

  package init(path: String, value: JSONValue, origin: String) {
    self.path = path
    self.value = value
    self.origin = origin
  }

  /// A value given as text: JSON if it parses as such, else a string.
  package init(path: String, text: String, origin: String) {
    let parsed: JSONValue? = try? JSONReader.value(of: text, subject: path)
    self.init(path: path, value: parsed ?? .string(text), origin: origin)
  }

  /// The overrides in `LOCKSTEP_SECTION__KEY` variables, sorted by name; each `__` descends one level.
  ///
  /// Variables without `__`, such as `LOCKSTEP_KERNELS`, are not keys and are ignored.
  package static func fromEnvironment(_ environment: [String: String]) -> [ConfigurationOverride] {
    let prefix = "LOCKSTEP_"
    return environment.keys.sorted().compactMap { name in
      guard name.hasPrefix(prefix), let text = environment[name] else { return nil }
      let keys = name.dropFirst(prefix.count).lowercased()[...].split(doubleUnderscore: ())
      guard keys.count > 1 else { return nil }
      return ConfigurationOverride(path: keys.joined(separator: "."), text: text, origin: name)
    }
  }
}

extension Substring {
  /// The parts between two underscores in a row.
  fileprivate func split(doubleUnderscore: Void) -> [Substring] {
    var parts: [Substring] = []
    var start = startIndex
    var at = startIndex
    while at < endIndex {
      let next = index(after: at)
      if self[at] == "_", next < endIndex, self[next] == "_" {
        parts.append(self[start..<at])
        start = index(after: next)
        at = start
      } else {
        at = next
      }
    }
    return parts + [self[start...]]
  }
}

extension JSONValue {
  /// Puts the override's value at its path, creating objects on the way.
  ///
  /// Returns the path as error messages write it, with array elements as `[2]`.
  /// - Throws: `UserError(.badConfiguration)` if the path leads through a value that is not an object, or past the end of
  ///   an array; `UserError(.usage)` if it is not a path.
  mutating func apply(_ override: ConfigurationOverride) throws(UserError) -> String {
    let steps = override.path.split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "." || $0 == "[" }
    )
    .map { $0.hasSuffix("]") ? String($0.dropLast()) : String($0) }
    guard steps.allSatisfy({ !$0.isEmpty }) else {
      throw UserError(
        .usage, override.origin, "found the key path \"\(override.path)\"; allowed: keys such as training.optimizer.lr")
    }
    return try set(steps[...], to: override, path: "")
  }

  private mutating func set(
    _ steps: ArraySlice<String>, to override: ConfigurationOverride, path: String
  ) throws(UserError) -> String {
    guard let step = steps.first else {
      self = override.value
      return path
    }
    switch self {
    case .object(var members):
      let memberPath = path.isEmpty ? step : "\(path).\(step)"
      var value = members.first { $0.key == step }?.value ?? .null
      let result = try value.set(steps.dropFirst(), to: override, path: memberPath)
      if let index = members.firstIndex(where: { $0.key == step }) {
        members[index].value = value
      } else {
        members.append(Member(step, value))
      }
      self = .object(members)
      return result
    case .array(var elements):
      guard let index = Int(step), elements.indices.contains(index) else {
        throw UserError(
          .badConfiguration, "\(path)[\(step)]",
          "\(override.origin) sets element \(step) of \(elements.count); allowed: 0 to \(elements.count - 1)")
      }
      let result = try elements[index].set(steps.dropFirst(), to: override, path: "\(path)[\(index)]")
      self = .array(elements)
      return result
    case .null:
      self = .object([])
      return try set(steps, to: override, path: path)
    default:
      throw UserError(
        .badConfiguration, path,
        "\(override.origin) sets \(step) in it, but it is \(kindName), \(excerpt()); allowed: an object")
    }
  }
}

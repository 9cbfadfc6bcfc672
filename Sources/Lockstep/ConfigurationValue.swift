internal import Storage

/// A Swift value that stands for the value of a configuration's key.
///
/// Settings become the text of a configuration, which its one reader checks: the library has no rules of its own.
protocol ConfigurationValue {
  var json: JSONValue { get }
}

extension JSONValue: ConfigurationValue {
  var json: JSONValue { self }

  /// An object without the members that are `nil`, for which the reader has its defaults.
  static func section(_ members: [(String, (any ConfigurationValue)?)]) -> JSONValue {
    .object(members.compactMap { key, value in value.map { Member(key, $0.json) } })
  }
}

extension Int: ConfigurationValue {
  var json: JSONValue { .integer(self) }
}

extension Double: ConfigurationValue {
  /// JSON has no numbers that are not finite; as a word one is refused by its name.
  var json: JSONValue { isFinite ? .number(self) : .string("\(self)") }
}

extension Bool: ConfigurationValue {
  var json: JSONValue { .bool(self) }
}

extension String: ConfigurationValue {
  var json: JSONValue { .string(self) }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
  var json: JSONValue { .array(map(\.json)) }
}

/// One word of a few, as the configuration spells it.
protocol ConfigurationWord: ConfigurationValue, RawRepresentable<String> {}

extension ConfigurationWord {
  var json: JSONValue { .string(rawValue) }
}

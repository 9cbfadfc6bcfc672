import Storage

/// Keys that take one integer for all sides, or one for each: `3`, or `[3, 5]`.
extension KeyKind {
  /// One integer for all of `names`, or an array with one for each of them.
  package static func integers(_ range: ClosedRange<Int>, per names: String...) -> KeyKind {
    let list = "[\(names.joined(separator: ", "))]"
    let each = KeyKind.integer(range)
    return .either(
      [each, .array(of: each, ArrayRule(names.count...names.count, list))], allowed: "\(each.allowed), or \(list)")
  }
}

extension KeyValues {
  /// The integers at a key: one for all sides, or those of an array.
  /// - Precondition: the key's kind allows nothing else.
  package func integers(_ name: String) -> [Int] {
    if case .array(let elements) = self[name] { return elements.compactMap(\.exactInteger) }
    return [integer(name)]
  }

  /// The word at a key that may hold something else too; `nil` for that.
  package func word(_ name: String) -> String? {
    if case .string(let word) = self[name] { word } else { nil }
  }
}

extension JSONValue {
  /// A word if there is one; else one integer if all of them are the same, else an array.
  package static func integers(_ values: [Int], or word: String? = nil) -> JSONValue {
    if let word { return .string(word) }
    if let first = values.first, values.allSatisfy({ $0 == first }) { return .integer(first) }
    return .array(values.map { .integer($0) })
  }
}

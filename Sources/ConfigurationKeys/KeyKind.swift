import Storage

/// Which values a key takes.
package enum KeyKind: Sendable {
  case bool
  case integer(ClosedRange<Int>)
  case number(NumberRule)
  /// One of these words.
  case choice([String])
  case text(TextRule)
  indirect case array(of: KeyKind, ArrayRule)
  /// Whatever any of these allows; `allowed` replaces their own descriptions.
  case either([KeyKind], allowed: String)
  /// An object with these keys.
  case section([ConfigurationKey])

  /// The words of an enumeration.
  package static func choice<Choice: CaseIterable & RawRepresentable<String>>(of type: Choice.Type) -> KeyKind {
    .choice(Choice.allCases.map(\.rawValue))
  }

  /// What is allowed, for messages and the reference.
  package var allowed: String {
    switch self {
    case .bool: return "true or false"
    case .integer(let range): return "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let rule): return rule.allowed
    case .choice(let words): return words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .text(let rule): return rule.allowed
    case .array(_, let rule): return rule.allowed
    case .either(_, let allowed): return allowed
    case .section(let keys):
      // Those that are known in an empty object.
      let always = keys.filter { $0.condition?.words.isEmpty ?? true }
      return "an object with the keys \(always.map(\.name).joined(separator: ", "))"
        + (always.count < keys.count ? ", …" : "")
    }
  }
}

/// Which numbers a key takes; all are finite and within the range of a Float.
package struct NumberRule: Sendable {
  package let lower: Double
  package let upper: Double
  /// A number in between that is not allowed.
  package let excluded: Double?
  package let allowed: String

  package static let any = NumberRule(
    lower: -.infinity, upper: .infinity, excluded: nil, allowed: "a finite number")
  package static let notZero = NumberRule(
    lower: -.infinity, upper: .infinity, excluded: 0, allowed: "a finite number that is not 0")
  package static let positive = NumberRule(
    lower: 0, upper: .infinity, excluded: 0, allowed: "a finite number above 0")
  package static let notNegative = NumberRule(
    lower: 0, upper: .infinity, excluded: nil, allowed: "a finite number of at least 0")

  /// The same rule, described with what a key takes besides.
  package func or(_ words: String) -> NumberRule {
    NumberRule(lower: lower, upper: upper, excluded: excluded, allowed: "\(allowed), or \(words)")
  }

  /// From `range.lowerBound` to `range.upperBound`, both included.
  package static func within(_ range: ClosedRange<Double>, allowed: String? = nil) -> NumberRule {
    let words = [range.lowerBound, range.upperBound].map { JSONValue.number($0).compactText }
    return NumberRule(
      lower: range.lowerBound, upper: range.upperBound, excluded: nil,
      allowed: allowed ?? "a number from \(words[0]) to \(words[1])")
  }

  /// From `lower` on, `upper` left out.
  package static func from(_ lower: Double, below upper: Double) -> NumberRule {
    let words = [lower, upper].map { JSONValue.number($0).compactText }
    return NumberRule(
      lower: lower, upper: upper, excluded: upper, allowed: "a number of at least \(words[0]) and below \(words[1])")
  }

  func contains(_ value: Double) -> Bool { value >= lower && value <= upper && value != excluded && value.isFinite }
}

/// Which texts a key takes.
package struct TextRule: Sendable {
  package let allowed: String
  /// A regular expression of ECMAScript that matches every text that is allowed, and as few others as it can, for the schema;
  /// `nil` where all are.
  package let pattern: String?
  package let isAllowed: @Sendable (String) -> Bool

  package init(_ allowed: String, pattern: String?, where isAllowed: @escaping @Sendable (String) -> Bool) {
    self.allowed = allowed
    self.pattern = pattern
    self.isAllowed = isAllowed
  }
}

/// How many elements an array has.
package struct ArrayRule: Sendable {
  package let counts: ClosedRange<Int>
  package let areDistinct: Bool
  package let allowed: String

  package init(_ counts: ClosedRange<Int>, areDistinct: Bool = false, _ allowed: String) {
    self.counts = counts
    self.areDistinct = areDistinct
    self.allowed = allowed
  }
}

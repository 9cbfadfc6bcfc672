import Storage

/// One key of the configuration: all that reading, writing, hints, the reference and fuzzing know about it.
package struct ConfigurationKey: Sendable {
  /// What holds if the key is absent.
  package enum Fallback: Sendable {
    /// It must be present.
    case required
    case value(JSONValue)
    /// Nothing, or what these words say.
    case words(String)
  }

  /// What a value changes, and with it whether it may change between the parts of a run.
  package enum Effect: Sendable, CaseIterable {
    /// The numbers of the training: fixed within a run.
    case result
    /// Only speed.
    case speed
    /// Where files are, and what is written when: no number of the training.
    case files
    /// When the run ends: may change while no learning rate depends on it.
    case length
  }

  /// The key is known only where the word at the key beside it is one of these; without words, only where that key is
  /// absent.
  package struct Condition: Hashable, Sendable {
    package let key: String
    package let words: [String]

    /// `with type "conv2d" or "dense"`; `with preset`, for all words that it takes; `without preset`.
    ///
    /// - Parameters:
    ///   - keys: the keys of the object.
    ///   - mark: what names and quoted words are put into.
    package func phrase(_ keys: [ConfigurationKey], mark: (String) -> String = { $0 }) -> String {
      guard !words.isEmpty else { return "without \(mark(key))" }
      if case .choice(let all)? = keys.first(where: { $0.name == key })?.kind, all == words {
        return "with \(mark(key))"
      }
      return "with \(mark(key)) " + words.map { mark("\"\($0)\"") }.joined(separator: " or ")
    }
  }

  package let name: String
  package let kind: KeyKind
  package let fallback: Fallback
  package let effect: Effect
  package let condition: Condition?
  /// A word that may stand in the place of a value of its kind.
  package private(set) var word: String?
  /// One sentence for the reference.
  package let documentation: String

  /// A key with a default; `nil` for a required one.
  package init(
    _ name: String, _ kind: KeyKind, default value: JSONValue? = nil, effect: Effect = .result, _ documentation: String
  ) {
    self.init(
      name, kind, value.map { .value($0) } ?? .required, effect: effect, condition: nil, documentation)
  }

  /// A key that may be absent without a value that stands for it; `otherwise` says what then holds.
  package init(
    _ name: String, _ kind: KeyKind, otherwise words: String, effect: Effect = .result, _ documentation: String
  ) {
    self.init(name, kind, .words(words), effect: effect, condition: nil, documentation)
  }

  private init(
    _ name: String, _ kind: KeyKind, _ fallback: Fallback, effect: Effect, condition: Condition?,
    _ documentation: String
  ) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.effect = effect
    self.condition = condition
    self.documentation = documentation
  }

  /// The same key, known only where `key` beside it is one of `words`.
  package func with(_ key: String, _ words: String...) -> ConfigurationKey { with(key, words) }

  package func with(_ key: String, _ words: [String]) -> ConfigurationKey {
    assert(!words.isEmpty, "A condition without words asks for the key's absence.")
    return conditioned(Condition(key: key, words: words))
  }

  /// The same key, known only where `key` beside it is absent.
  package func without(_ key: String) -> ConfigurationKey { conditioned(Condition(key: key, words: [])) }

  private func conditioned(_ condition: Condition) -> ConfigurationKey {
    var key = ConfigurationKey(name, kind, fallback, effect: effect, condition: condition, documentation)
    key.word = word
    return key
  }

  /// The same key, which also takes `word`: whoever reads it looks for that first.
  package func or(_ word: String) -> ConfigurationKey {
    var key = self
    key.word = word
    return key
  }

  /// The keys below it: of a section, or of the sections in an array.
  package var keys: [ConfigurationKey] {
    switch kind {
    case .section(let keys): keys
    case .array(of: .section(let keys), _): keys
    default: []
    }
  }
}

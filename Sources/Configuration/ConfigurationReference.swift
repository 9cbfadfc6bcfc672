import ConfigurationKeys
import Storage

/// What is generated from the table of keys: the reference page and the words of the fuzzer's dictionary.
package enum ConfigurationReference {
  /// docs/configuration.md.
  package static var page: String {
    """
    # Configuration keys

    <!-- Generated from Sources/Configuration/Table by `make references`; changes here are lost. -->

    A configuration is JSON5. Values come from, later ones winning: the defaults below, the file, environment variables
    such as `LOCKSTEP_TRAINING__BATCH_SIZE`, flags such as `--set training.batch_size=64`. `null` takes a key back. Relative
    paths are relative to the file. `lockstep config FILE` prints the whole configuration with every default.

    "May change" says whether a resumed run may have another value than its first part: *no* if the value is part of the
    numbers of the training; *speed only* where it changes how fast the same numbers are found; *yes* where it says where
    files are or what is written; *unless lr follows* where the learning rate must not depend on it: with `lr_schedule`
    cosine, one_cycle and linear it does.

    """ + section(ConfigurationTable.keys, path: "")
  }

  private static func section(_ keys: [ConfigurationKey], path: String) -> String {
    var text = "\n"
    let plain = keys.filter { $0.keys.isEmpty || $0.condition != nil }
    text += table(plain.filter { $0.condition == nil })
    var conditions: [ConfigurationKey.Condition] = []
    for key in plain {
      if let condition = key.condition, !conditions.contains(condition) { conditions.append(condition) }
    }
    for condition in conditions {
      let phrase = condition.phrase(keys, mark: { "`\($0)`" })
      text += "\n\(phrase.prefix(1).uppercased())\(phrase.dropFirst()):\n\n"
      text += table(plain.filter { $0.condition == condition })
    }
    for key in keys where !key.keys.isEmpty {
      let keyPath = path.isEmpty ? key.name : "\(path).\(key.name)"
      if case .array = key.kind {
        text += "\n## \(keyPath)[…]\n\n\(key.documentation)\n"
        if path.hasSuffix("layers") {
          text += "\nThe keys of `\(path)[…]` for one layer; a block inside a block is not possible.\n"
          continue
        }
      } else {
        text += "\n## \(keyPath)\n\n\(key.documentation)\n"
      }
      text += section(key.keys, path: keyPath)
    }
    return text
  }

  private static func table(_ keys: [ConfigurationKey]) -> String {
    guard !keys.isEmpty else { return "" }
    var text = "| key | allowed | default | may change | |\n|---|---|---|---|---|\n"
    for key in keys {
      let fallback =
        switch key.fallback {
        case .required: "must be there"
        case .value(let value): "`\(value.compactText)`"
        case .words(let words): words
        }
      let allowed = key.kind.allowed.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "&lt;")
      text +=
        "| `\(key.name)` | \(allowed) | \(fallback) | \(words(key.effect)) | \(key.documentation) |\n"
    }
    return text
  }

  private static func words(_ effect: ConfigurationKey.Effect) -> String {
    switch effect {
    case .result: "no"
    case .speed: "speed only"
    case .files: "yes"
    case .length: "unless lr follows"
    }
  }

  /// Every key and every word of a choice, sorted.
  package static var words: [String] { Set(words(of: ConfigurationTable.keys)).sorted() }

  private static func words(of keys: [ConfigurationKey]) -> [String] {
    keys.flatMap { [$0.name] + words(of: $0.kind) + words(of: $0.keys) }
  }

  private static func words(of kind: KeyKind) -> [String] {
    switch kind {
    case .choice(let words): words
    case .either(let kinds, _): kinds.flatMap { words(of: $0) }
    default: []
    }
  }
}

import Diagnostics

/// The `runtime` section inside the text of a configuration, so that it can be replaced with all else as it was.
package enum RuntimeSection {
  /// `text` with its `runtime` section replaced, or put first where it had none; comments and order elsewhere stay.
  ///
  /// - Precondition: `text` is a JSON5 object.
  package static func replace(in text: String, by runtime: RuntimeConfiguration) -> String {
    let section: String = runtime.jsonValue.prettyText(indentation: 2)
    var scanner: Scanner = Scanner(text: text)
    if let value: Range<String.Index> = scanner.valueOfRuntime() {
      return text[..<value.lowerBound] + section + text[value.upperBound...]
    }
    guard let brace: String.Index = scanner.rootStart else { preconditionFailure("A configuration is an object.") }
    let start: String.Index = text.index(after: brace)
    return text[..<start] + "\n  runtime: \(section)," + text[start...]
  }

  /// The text to write to `file`: the configuration's own where both are in one folder, so that relative paths still
  /// hold; else the resolved configuration with absolute paths.
  ///
  /// - Throws: `UserError` where the configuration cannot be read again.
  package static func rewrite(
    configuration path: String, resolved: RunConfiguration, runtime: RuntimeConfiguration, for file: String
  ) throws(UserError) -> String {
    guard ConfigurationFile.folder(of: path) == ConfigurationFile.folder(of: file) else {
      var tuned: RunConfiguration = resolved
      tuned.runtime = runtime
      return tuned.jsonText
    }
    let old: String = try ConfigurationFile.text(at: path)
    let text: String = replace(in: old, by: runtime)
    var expected: RunConfiguration = try ConfigurationReader.read(text: old, file: path)
    expected.runtime = runtime
    guard try ConfigurationReader.read(text: text, file: path) == expected else {
      throw UserError(.internalFailure, path, "the runtime section could not be replaced without a change elsewhere")
    }
    return text
  }

  /// Finds the members of the outermost object; strings and comments are stepped over.
  private struct Scanner {
    let text: String
    private var at: String.Index
    private var depth: Int = 0
    private(set) var rootStart: String.Index?

    init(text: String) {
      self.text = text
      at = text.startIndex
    }

    /// From the first to past the last character of the value of the outermost `runtime`; the last, where there are more.
    mutating func valueOfRuntime() -> Range<String.Index>? {
      var found: Range<String.Index>?
      // A key waits for its colon; a value starts with the first token after it.
      var key: String?
      var valueStart: String.Index?
      var valueEnd: String.Index = text.startIndex
      while let token: (range: Range<String.Index>, text: Substring) = next() {
        let first: Character = token.text[token.text.startIndex]
        if depth == 0, first == "{", rootStart == nil { rootStart = token.range.lowerBound }
        if "}]".contains(first) { depth -= 1 }
        switch first {
        case ":" where depth == 1 && key != nil && valueStart == nil: break
        case ",", "}":
          if depth == (first == "," ? 1 : 0) {
            if key == "runtime", let valueStart: String.Index { found = valueStart..<valueEnd }
            (key, valueStart) = (nil, nil)
          }
        default:
          if depth == 1, key == nil {
            key = token.text.trimming { "\"'".contains($0) }
          } else if depth >= 1, key != nil, valueStart == nil {
            valueStart = token.range.lowerBound
          }
        }
        if "{[".contains(first) { depth += 1 }
        valueEnd = token.range.upperBound
      }
      return found
    }

    /// The next string, word or mark.
    private mutating func next() -> (range: Range<String.Index>, text: Substring)? {
      skipSpaceAndComments()
      guard at < text.endIndex else { return nil }
      let start: String.Index = at
      let first: Character = text[at]
      at = text.index(after: at)
      if first == "\"" || first == "'" {
        while at < text.endIndex, text[at] != first {
          if text[at] == "\\" { at = text.index(after: at) }
          if at < text.endIndex { at = text.index(after: at) }
        }
        if at < text.endIndex { at = text.index(after: at) }
      } else if !"{}[]:,".contains(first) {
        while at < text.endIndex, !text[at].isWhitespace, !"{}[]:,/\"'".contains(text[at]) {
          at = text.index(after: at)
        }
      }
      return (start..<at, text[start..<at])
    }

    private mutating func skipSpaceAndComments() {
      while at < text.endIndex {
        if text[at].isWhitespace {
          at = text.index(after: at)
        } else if text[at...].hasPrefix("//") {
          while at < text.endIndex, !text[at].isNewline { at = text.index(after: at) }
        } else if text[at...].hasPrefix("/*") {
          at = text.index(at, offsetBy: 2)
          while at < text.endIndex, !text[at...].hasPrefix("*/") { at = text.index(after: at) }
          if at < text.endIndex { at = text.index(at, offsetBy: 2) }
        } else {
          return
        }
      }
    }
  }
}

extension Substring {
  /// Without the characters at both ends that `isEdge` names.
  fileprivate func trimming(_ isEdge: (Character) -> Bool) -> String {
    String(self.drop(while: isEdge).reversed().drop(while: isEdge).reversed())
  }
}

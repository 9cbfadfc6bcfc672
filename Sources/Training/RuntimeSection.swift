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
  ///
  /// By Unicode scalars, as `JSON5Parser` reads: a quote with a combining accent behind it still is a quote.
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
        let first: Unicode.Scalar = text.unicodeScalars[token.range.lowerBound]
        if depth == 0, first == "{", rootStart == nil { rootStart = token.range.lowerBound }
        if first == "}" || first == "]" { depth -= 1 }
        switch first {
        case ":" where depth == 1 && key != nil && valueStart == nil: break
        case ",", "}":
          if depth == (first == "," ? 1 : 0) {
            if key == "runtime", let valueStart: String.Index { found = valueStart..<valueEnd }
            (key, valueStart) = (nil, nil)
          }
        default:
          if depth == 1, key == nil {
            key = token.text.trimming { $0 == "\"" || $0 == "'" }
          } else if depth >= 1, key != nil, valueStart == nil {
            valueStart = token.range.lowerBound
          }
        }
        if first == "{" || first == "[" { depth += 1 }
        valueEnd = token.range.upperBound
      }
      return found
    }

    /// The next string, word or mark.
    private mutating func next() -> (range: Range<String.Index>, text: Substring)? {
      skipSpaceAndComments()
      guard let first: Unicode.Scalar = peek else { return nil }
      let start: String.Index = at
      step()
      if first == "\"" || first == "'" {
        while let scalar: Unicode.Scalar = peek, scalar != first {
          step()
          if scalar == "\\" { step() }
        }
        step()
      } else if !Self.isMark(first) {
        while let scalar: Unicode.Scalar = peek, !scalar.properties.isWhitespace, !Self.isMark(scalar),
          !["/", "\"", "'"].contains(scalar)
        { step() }
      }
      return (start..<at, text[start..<at])
    }

    private mutating func skipSpaceAndComments() {
      while let scalar: Unicode.Scalar = peek {
        if scalar.properties.isWhitespace || scalar == "\u{FEFF}" {
          step()
        } else if starts("/", "/") {
          while let scalar: Unicode.Scalar = peek, !["\n", "\r", "\u{2028}", "\u{2029}"].contains(scalar) { step() }
        } else if starts("/", "*") {
          step()
          step()
          while peek != nil, !starts("*", "/") { step() }
          step()
          step()
        } else {
          return
        }
      }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar {
      case "{", "}", "[", "]", ":", ",": true
      default: false
      }
    }

    private var peek: Unicode.Scalar? { at < text.endIndex ? text.unicodeScalars[at] : nil }

    /// To the next scalar; stays at the end.
    private mutating func step() {
      if at < text.endIndex { at = text.unicodeScalars.index(after: at) }
    }

    private func starts(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Bool {
      text.unicodeScalars[at...].starts(with: [first, second])
    }
  }
}

extension Substring {
  /// Without the scalars at both ends that `isEdge` names.
  fileprivate func trimming(_ isEdge: (Unicode.Scalar) -> Bool) -> String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.drop(while: isEdge).reversed().drop(while: isEdge).reversed()))
  }
}

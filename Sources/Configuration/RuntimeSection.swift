import Diagnostics
import Storage

/// The `runtime` section inside the text of a configuration, so that it can be replaced and everything else kept.
package enum RuntimeSection {
  /// `text` with its `runtime` section replaced, or put first if it had none; comments and order elsewhere stay.
  ///
  /// - Throws: `UserError(.badConfiguration)` if `text` is not a JSON5 object.
  package static func replace(in text: String, by runtime: RuntimeConfiguration) throws(UserError) -> String {
    let section = runtime.jsonValue.prettyText(indentation: 2)
    let (brace, members) = try JSONReader.outline(of: text, subject: "the configuration")
    let bytes = Array(text.utf8)
    let (hole, insert) =
      members.first { $0.key.text == "runtime" }.map { ($0.valueBytes, section) }
      ?? (brace + 1..<brace + 1, "\n  runtime: \(section),")
    return String(decoding: bytes[..<hole.lowerBound] + Array(insert.utf8) + bytes[hole.upperBound...], as: UTF8.self)
  }

  /// The text to write to `file`: the configuration's own if both are in one folder, so that relative paths stay valid;
  /// else the resolved configuration with absolute paths.
  ///
  /// - Throws: `UserError` if the configuration cannot be read again.
  package static func rewrite(
    configuration path: String, resolved: RunConfiguration, runtime: RuntimeConfiguration, for file: String
  ) throws(UserError) -> String {
    guard ConfigurationFile.folder(of: path) == ConfigurationFile.folder(of: file) else {
      var tuned = resolved
      tuned.runtime = runtime
      return tuned.jsonText
    }
    let old = try ConfigurationFile.text(at: path)
    let text = try replace(in: old, by: runtime)
    var expected = try ConfigurationReader.read(text: old, file: path)
    expected.runtime = runtime
    guard try ConfigurationReader.read(text: text, file: path) == expected else {
      throw UserError(.internalFailure, path, "the runtime section could not be replaced without a change elsewhere")
    }
    return text
  }
}

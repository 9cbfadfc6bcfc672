import Configuration
import Storage

/// The digest of the keys of a configuration that decide numbers.
package enum ConfigurationDigest {
  /// SHA-256 of a line `path=value` for each such key, in the order of their paths as bytes.
  ///
  /// Keys that may change between the parts of a run are left out: speed, files, lines, and, where the learning rate does not
  /// depend on it, the length. Numbers without a fraction are written as integers, all other values as JSON without spaces.
  /// - Parameter document: the resolved configuration as `config.json` holds it, for `run`.
  package static func of(_ document: JSONValue, for run: RunConfiguration) -> SHA256Digest {
    let lines = document.leaves().filter { !run.mayChange($0.path) }.map { "\($0.path)=\($0.value.fullText)" }
    var hash = SHA256()
    for line in lines.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      hash.update(Array(line.utf8))
      hash.update([10])
    }
    return hash.value
  }
}

extension JSONValue {
  fileprivate var fullText: String { exactInteger.map { String($0) } ?? compactText }
}

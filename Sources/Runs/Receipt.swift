import Diagnostics
import Storage

/// What a run was, in less than 2 KB that can be signed and checked without this program: `receipt.json`.
package struct Receipt: Hashable, Sendable {
  package static let fileName = "receipt.json"
  static let format = "lockstep-receipt-1"
  /// The files of the run directory whose digests it holds.
  package static let fileNames = ["config.json", Ledger.fileName, "metrics.jsonl", "weights.safetensors"]

  /// The program's name and version.
  package var program: String
  package var numericsVersion: Int
  /// The ledger's, see `LedgerStart`.
  package var configuration: SHA256Digest
  package var data: SHA256Digest
  package var initialWeights: SHA256Digest
  /// `weights_digest` of the summary.
  package var finalWeights: SHA256Digest
  /// The ledger's last link.
  package var head: SHA256Digest
  package var steps: Int
  /// Values of the summary, by their names there.
  package var metrics: [String: Double]
  /// SHA-256 of the files' bytes, by their names.
  package var files: [String: SHA256Digest]

  /// The canonical text: one line without spaces and without an end, members in the order of their names as bytes, digests
  /// as 64 lower-case hexadecimal digits, counts as integers, all else as strings, and in them numbers as the shortest
  /// decimals that read back as the same float64.
  package var text: String {
    func object<Value>(_ members: [String: Value], _ value: (Value) -> JSONValue) -> JSONValue {
      .object(members.sorted { $0.key < $1.key }.map { .init($0.key, value($0.value)) })
    }
    func digest(_ digest: SHA256Digest) -> JSONValue { .string(digest.hexadecimal) }
    return JSONValue.object([
      .init("configuration", digest(configuration)), .init("data", digest(data)), .init("files", object(files, digest)),
      .init("final_weights", digest(finalWeights)), .init("format", .string(Self.format)),
      .init("initial_weights", digest(initialWeights)), .init("ledger", digest(head)),
      .init("metrics", object(metrics) { .string($0.description) }),
      .init("numerics_version", .integer(numericsVersion)), .init("program", .string(program)),
      .init("steps", .integer(steps)),
    ]).compactText
  }

  /// Reads the receipt at `path`.
  ///
  /// - Throws: `UserError`: `.badData` if it is not one in its canonical text.
  package static func read(_ path: String) throws(UserError) -> Receipt {
    let input = try ByteInput(path: path)
    let text = String(decoding: try input.read(input.remaining), as: UTF8.self)
    guard let json = try? JSONReader.value(of: text, subject: path), let receipt = Receipt(json), receipt.text == text
    else {
      throw UserError(.badData, path, "is not a receipt of format \(format) in its canonical form")
    }
    return receipt
  }

  private init?(_ json: JSONValue) {
    func text(_ json: JSONValue?) -> String? { if case .string(let text)? = json { text } else { nil } }
    func digest(_ key: String) -> SHA256Digest? { text(json[key]).flatMap { SHA256Digest($0) } }
    func members(_ key: String) -> [JSONValue.Member]? { if case .object(let all)? = json[key] { all } else { nil } }
    guard let configuration = digest("configuration"), let data = digest("data"), let files = members("files"),
      let final = digest("final_weights"), let initial = digest("initial_weights"), let head = digest("ledger"),
      let metrics = members("metrics"), let version = json["numerics_version"]?.exactInteger,
      let program = text(json["program"]), let steps = json["steps"]?.exactInteger
    else { return nil }
    (self.configuration, self.data, finalWeights, initialWeights, self.head) = (
      configuration, data, final, initial, head
    )
    (numericsVersion, self.program, self.steps) = (version, program, steps)
    (self.files, self.metrics) = ([:], [:])
    for file in files { self.files[file.key] = text(file.value).flatMap { SHA256Digest($0) } }
    for metric in metrics { self.metrics[metric.key] = text(metric.value).flatMap { Double($0) } }
  }

  init(
    _ start: LedgerStart, head: SHA256Digest, steps: Int, finalWeights: SHA256Digest, metrics: [String: Double],
    files: [String: SHA256Digest]
  ) {
    program = "lockstep \(ProgramVersion.current)"
    numericsVersion = start.numericsVersion
    (configuration, data) = (start.configuration, start.data)
    initialWeights = start.weights ?? SHA256().value
    (self.finalWeights, self.head, self.steps) = (finalWeights, head, steps)
    (self.metrics, self.files) = (metrics, files)
  }
}

extension ByteInput {
  /// SHA-256 of all bytes not read yet.
  package func digest() throws(UserError) -> SHA256Digest {
    var hash = SHA256()
    while remaining > 0 { hash.update(try read(min(remaining, 1 << 16))) }
    return hash.value
  }
}

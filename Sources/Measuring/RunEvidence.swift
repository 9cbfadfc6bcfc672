import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Runs
import Storage
import Training

/// What a run directory says about its run, as far as it can be checked without computing a step again.
package struct RunEvidence: Sendable {
  package let path: String
  package let ledger: LedgerRecord
  /// `nil` for a run that was killed, or has no receipt for another reason.
  package let receipt: Receipt?
  package let configuration: RunConfiguration
  /// The parts of `metrics.jsonl` that do not depend on time, by `MetricsKey`.
  let metrics: [MetricsKey: MetricsValues]
  /// The steps of the checkpoints that are there, ascending.
  package let checkpoints: [Int]

  /// Steps that the ledger has.
  package var steps: Int { ledger.entries.count }

  /// - Parameters:
  ///   - overrides: of keys that change speed alone.
  ///   - requiresNumerics: whether the run must be of this program's numerics version.
  /// - Throws: `UserError`: `.inputMissing`, or `.badData` naming the file that was changed, and what shows it.
  package init(
    _ path: String, overrides: [ConfigurationOverride] = [], requiresNumerics: Bool = true
  ) throws(UserError) {
    self.path = path
    let receiptFile = "\(path)/\(Receipt.fileName)"
    receipt = try FilePlace(path: receiptFile).exists() ? try Receipt.read(receiptFile) : nil
    for (name, digest) in receipt?.files.sorted(by: { $0.key < $1.key }) ?? [] {
      let found = try ByteInput(path: "\(path)/\(name)").digest()
      guard found != digest else { continue }
      throw UserError(
        .badData, "\(path)/\(name)",
        "was changed after the run, or \(Receipt.fileName) was: its SHA-256 is \(found.hexadecimal), in the receipt "
          + digest.hexadecimal)
    }
    let ledgerFile = "\(path)/\(Ledger.fileName)"
    ledger = try LedgerRecord.read(ledgerFile)
    let configurationFile = "\(path)/config.json"
    let input = try ByteInput(path: configurationFile)
    let text = String(decoding: try input.read(input.length), as: UTF8.self)
    configuration = try ConfigurationReader.read(text: text, file: configurationFile, overrides: overrides)
    let own = try ConfigurationReader.read(text: text, file: configurationFile)
    for change in overrides where !own.mayChange(change.path) {
      throw UserError(.usage, change.path, "decides numbers; allowed: keys that change speed alone")
    }
    let document = try JSONReader.value(of: text, subject: configurationFile)
    guard ConfigurationDigest.of(document, for: own) == ledger.start.configuration else {
      throw UserError(
        .badData, configurationFile,
        "is not the configuration of the run: the keys that decide numbers have another digest in \(ledgerFile)")
    }
    guard !requiresNumerics || ledger.start.numericsVersion == NumericsVersion.current else {
      throw UserError(
        .badData, ledgerFile,
        "is of numerics version \(ledger.start.numericsVersion); this program computes by version \(NumericsVersion.current)",
        hint: "a program of that version can replay it")
    }
    let metricsFile = "\(path)/metrics.jsonl"
    metrics = try FilePlace(path: metricsFile).exists() ? MetricsValues.read(metricsFile) : [:]
    checkpoints = try CheckpointFolder(path: path).steps
    if let receipt { try requireSame(receipt, receiptFile) }
  }

  private func requireSame(_ receipt: Receipt, _ file: String) throws(UserError) {
    let start = ledger.start
    let weights = try Safetensors.read(ByteInput(path: "\(path)/weights.safetensors")).tensors
    let lastEpoch = metrics[MetricsKey(isEpoch: true, step: steps)]?.numbers
    let facts: [(String, Bool)] = [
      ("ledger", receipt.head == ledger.head), ("steps", receipt.steps == ledger.entries.count),
      ("configuration", receipt.configuration == start.configuration), ("data", receipt.data == start.data),
      ("initial_weights", receipt.initialWeights == start.weights),
      ("numerics_version", receipt.numericsVersion == start.numericsVersion),
      ("final_weights", receipt.finalWeights.text == WeightsDigest.of(weights)),
      ("metrics", lastEpoch.map { lines in receipt.metrics.allSatisfy { lines[$0.key] == $0.value } } ?? true),
    ]
    guard let first = facts.first(where: { !$0.1 })?.0 else { return }
    throw UserError(.badData, file, "has another \(first) than the files of the run give")
  }

  /// Refuses examples that the run was not trained on.
  package func requireData(training: ImageDataset, test: ImageDataset?, _ kernels: KernelTable) throws(UserError) {
    let test = test.flatMap { $0.count > 0 ? $0 : nil }
    guard DataDigest.of(training: training, test: test, kernels) != ledger.start.data else { return }
    throw UserError(
      .badData, "data", "holds other examples than those of the run: their digest is not that in \(Ledger.fileName)")
  }
}

/// Which line of `metrics.jsonl`.
struct MetricsKey: Hashable, Sendable {
  var isEpoch: Bool
  var step: Int
}

/// The values of a line of `metrics.jsonl` that do not depend on time.
struct MetricsValues: Hashable, Sendable {
  var numbers: [String: Double]

  private static let names = [
    "epoch", "steps", "loss", "accuracy", "val_loss", "val_accuracy", "val_top5_accuracy", "lr",
  ]

  init(_ record: StepRecord, epoch: EpochRecord? = nil) {
    numbers = [
      "epoch": Double(record.epoch), "steps": Double(record.steps), "loss": record.loss, "accuracy": record.accuracy,
      "lr": record.learningRate,
    ]
    numbers["val_loss"] = epoch?.validationLoss
    numbers["val_accuracy"] = epoch?.validationAccuracy
    numbers["val_top5_accuracy"] = epoch?.validationTopFive
  }

  private init?(_ line: JSONValue) {
    numbers = [:]
    for key in Self.names {
      guard let value = line[key] else { return nil }
      if value == .null { continue }
      guard let number = value.floatingPoint else { return nil }
      numbers[key] = number
    }
  }

  /// The lines of the file, but for a last one without its end.
  static func read(_ path: String) throws(UserError) -> [MetricsKey: MetricsValues] {
    let input = try ByteInput(path: path)
    var values: [MetricsKey: MetricsValues] = [:]
    let lines = try input.read(input.remaining).split(separator: 10, omittingEmptySubsequences: false).dropLast()
    for (index, line) in lines.enumerated() {
      guard let json = try? JSONReader.value(of: String(decoding: line, as: UTF8.self), subject: path),
        let kind = json["kind"], kind == .string("step") || kind == .string("epoch"),
        let step = json["step"]?.exactInteger, let found = MetricsValues(json)
      else { throw UserError(.badData, path, "line \(index + 1) is not a line of metrics") }
      values[MetricsKey(isEpoch: kind == .string("epoch"), step: step)] = found
    }
    return values
  }
}

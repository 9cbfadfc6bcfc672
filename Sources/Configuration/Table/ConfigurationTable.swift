import ConfigurationKeys
import Network
import Storage

/// The one table of the configuration's keys: reader, writer, hints, the rule of what may change between the parts of a
/// run, the reference page, the schema for editors and the fuzzer's dictionary come from it.
package enum ConfigurationTable {
  static let run: [KeyField<RunConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "name",
        .text(
          TextRule(
            "1 to 128 characters that can name a folder, without /",
            pattern: "^(?!\\.{1,2}$)[^/\\u0000-\\u001f\\u007f]+$"
          ) { name in
            (1...128).contains(name.count) && name != "." && name != ".."
              && name.unicodeScalars.allSatisfy { $0 != "/" && $0.value >= 0x20 && $0.value != 0x7F }
          }), otherwise: "the file's name without its extension", effect: .files,
        "The run's name: its files go to `runs/<name>`."), \.name),
    KeyField(
      ConfigurationKey(
        "seed", .integer(0...Int.max), default: .integer(1),
        "All random numbers follow from it: initial weights, shuffling, synthetic data."),
      get: { .integer(Int(clamping: $0.seed)) }, set: { $0.seed = UInt64($1.exactInteger ?? 0) }),
    KeyField(
      ConfigurationKey("model", .section(model), otherwise: "", "The network."),
      read: { node, root in
        guard let key = node.keys.first(where: { $0.name == "model" }), let section = node.section(key) else { return }
        root.model = ConfigurationReader.model(section) ?? root.model
      }, write: { $0.model.jsonValue }),
    .section("data", \.data, data, "Where examples come from, and how pixels become floats."),
    .section("training", \.training, training, "How the network is trained."),
    .section(
      "runtime", \.runtime, runtime,
      "How the machine is used. All but `shard_size` changes speed alone, never a result."),
    .section("checkpoint", \.checkpoint, checkpoint, "When the state of a run is written; 0 turns a rule off."),
    .section("ledger", \.ledger, ledger, "What proves a run: `ledger.jsonl`, a line per step, and `receipt.json`."),
    .section("logging", \.logging, logging, "What is written about a run: `metrics.jsonl` and `report.html`."),
    KeyField(
      ConfigurationKey(
        "$schema", .text(TextRule("a text", pattern: nil) { _ in true }), otherwise: "none", effect: .files,
        "Where an editor finds the schema of this file, such as Config/schema.json; ignored."),
      get: { _ in nil }, set: { _, _ in }),
  ]

  static let checkpoint: [KeyField<CheckpointConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "every_epochs", .integer(0...1_000_000), default: .integer(1), effect: .files,
        "Epochs from one checkpoint to the next."), \.everyEpochs),
    KeyField(
      ConfigurationKey(
        "every_steps", .integer(0...1_000_000_000), default: .integer(0), effect: .files,
        "Steps from one checkpoint to the next."), \.everySteps),
    KeyField(
      ConfigurationKey(
        "every_seconds", .number(.within(0...1e9, allowed: "a number from 0 (off) to 1000000000")),
        default: .number(0), effect: .files,
        "A checkpoint after the first step that ends at least this many seconds after the last one."),
      \.everySeconds),
    KeyField(
      ConfigurationKey(
        "keep_last", .integer(1...1_000_000), default: .integer(2), effect: .files,
        "How many of the newest checkpoints are kept."), \.keepLast),
    KeyField(
      ConfigurationKey(
        "keep_best", .integer(0...1_000_000), default: .integer(0), effect: .files,
        "How many of those with the best value of `monitor` are kept in addition."), \.keepBest),
    KeyField(
      ConfigurationKey(
        "monitor", .choice(of: Metric.self), default: .string("val_accuracy"), effect: .files,
        "By what a checkpoint at the end of an epoch is the best."), \.monitor),
  ]

  static let ledger: [KeyField<LedgerConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "every_steps", .integer(0...1_000_000_000), default: .integer(10), effect: .files,
        "Steps from one digest of all weights to the next, besides those at the end of epochs; 0: no ledger."),
      \.everySteps)
  ]

  static let logging: [KeyField<LoggingConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "every_steps", .integer(1...1_000_000_000), default: .integer(10), effect: .files,
        "Steps from one line to the next; every epoch has a line too."), \.everySteps),
    KeyField(
      ConfigurationKey(
        "report", .bool, default: .bool(true), effect: .files,
        "Whether a run ends with a page about it, `report.html`; that takes one more evaluation of the test set."),
      \.report),
    KeyField(
      ConfigurationKey(
        "csv", .bool, default: .bool(false), effect: .files,
        "Whether the lines are written as a table, too: `metrics.csv`."), \.csv),
    KeyField(
      ConfigurationKey(
        "tensorboard", .bool, default: .bool(false), effect: .files,
        "Whether they are written for TensorBoard, too: `tensorboard --logdir` the run directory."), \.tensorboard),
  ]

  /// All keys, as a tree.
  package static let keys: [ConfigurationKey] = run.map(\.key)

  /// The path of every key in the table's order, such as `training.optimizer.lr`, but not those of layers, as a misplaced
  /// key is not a layer's.
  package static let paths: [String] = paths(keys, below: "")

  private static func paths(_ keys: [ConfigurationKey], below path: String) -> [String] {
    // A key may be there more than once, under different conditions.
    var seen: Set<String> = []
    return keys.flatMap { key in
      let keyPath = path.isEmpty ? key.name : "\(path).\(key.name)"
      guard case .section(let keys) = key.kind else { return [keyPath] }
      return [keyPath] + paths(keys, below: keyPath)
    }.filter { seen.insert($0).inserted }
  }

  /// The key at a path such as `model.layers[2].filters` or `data.mean[0]`; `nil` if there is none.
  package static func key(at path: String) -> ConfigurationKey? {
    var keys = keys
    var found: ConfigurationKey?
    for step in path.split(separator: ".") {
      let name = step.prefix { $0 != "[" }
      let named = keys.filter { $0.name == name }
      guard let key = named.first else { return nil }
      found = key
      keys = named.flatMap(\.keys)
    }
    return found
  }
}

extension RunConfiguration {
  /// Whether the value at a path may change between the parts of this run: it changes speed, files and lines, but no
  /// number of the training.
  package func mayChange(_ path: String) -> Bool {
    switch ConfigurationTable.key(at: path)?.effect {
    case .speed, .files: true
    case .length: !training.learningRateSchedule.dependsOnLength
    case .result, nil: false
    }
  }
}

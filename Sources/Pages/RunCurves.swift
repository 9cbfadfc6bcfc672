import Diagnostics
import Reporting
import Storage

/// What a run's curves are drawn from: its metrics, thinned as they come.
package struct RunCurves {
  /// The columns of `metrics.jsonl` that have a curve of their own, from step lines.
  private static let stepColumns = ["loss", "accuracy", "lr", "images_per_second"]
  /// From epoch lines; means over an epoch have other names than those of an interval.
  private static let epochColumns = [
    (column: "loss", name: "epoch_loss"), ("accuracy", "epoch_accuracy"), ("val_loss", "val_loss"),
    ("val_accuracy", "val_accuracy"), ("val_top5_accuracy", "val_top5_accuracy"),
  ]
  private var series: [String: ThinnedSeries] = [:]
  private var stepsPerEpoch: Int?
  private var steps = 0
  private var elapsedSeconds = 0.0

  package init() {}

  /// Takes a line of `metrics.jsonl`; what has no step is no line of it.
  mutating func add(_ line: JSONValue) {
    guard case .string(let kind)? = line["kind"], let step = line["step"]?.exactInteger else { return }
    let seconds = line["elapsed_s"]?.floatingPoint ?? 0
    (steps, elapsedSeconds) = (step, seconds)
    let isEpoch = kind == "epoch"
    if isEpoch, stepsPerEpoch == nil, let epoch = line["epoch"]?.exactInteger, epoch > 0 {
      stepsPerEpoch = step / epoch
    }
    let columns = isEpoch ? Self.epochColumns : Self.stepColumns.map { (column: $0, name: $0) }
    for (column, name) in columns {
      guard let value = line[column]?.floatingPoint else { continue }
      series[name, default: ThinnedSeries()].add(step: step, seconds: seconds, value: value)
    }
    // A run whose lines are further apart than its epochs has rates in epoch lines alone.
    guard isEpoch, series["loss"] == nil else { return }
    for column in ["lr", "images_per_second"] {
      guard let value = line[column]?.floatingPoint else { continue }
      series["epoch_" + column, default: ThinnedSeries()].add(step: step, seconds: seconds, value: value)
    }
  }

  /// Takes all whole lines of the file.
  ///
  /// - Throws: as `MetricsLine.forEach`.
  mutating func add(file: FilePlace) throws(UserError) {
    try MetricsLine.forEach(in: file) { (line) throws(UserError) in add(line) }
  }

  package var json: JSONValue {
    var shown = series
    if shown["loss"] == nil {
      shown["lr"] = shown["epoch_lr"]
      shown["images_per_second"] = shown["epoch_images_per_second"]
    }
    for name in ["epoch_lr", "epoch_images_per_second"] { shown[name] = nil }
    return .object([
      .init("steps", .integer(steps)), .init("elapsed_s", .number(elapsedSeconds)),
      .init("steps_per_epoch", stepsPerEpoch.map { .integer($0) } ?? .null),
      .init("series", .object(shown.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.json) })),
    ])
  }
}

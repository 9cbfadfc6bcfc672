import Configuration
import Diagnostics
import Glibc
import Runs
import Storage
import Training

/// The lines of `metrics.jsonl` in another form, beside it.
protocol MetricsMirror {
  /// Takes a line, an object.
  func add(_ line: JSONValue) throws(UserError)
}

/// Metrics as comma-separated values with a line of titles, the keys of `metrics.jsonl`; nothing stands for `null`.
final class MetricsTable: MetricsMirror {
  static let name = "metrics.csv"
  /// The keys of a line.
  private static let titles = [
    "kind", "epoch", "step", "steps", "loss", "accuracy", "val_loss", "val_accuracy", "val_top5_accuracy", "lr",
    "images_per_second", "step_ms", "reduce_ms", "barrier_ms", "meetings_ms", "exchange_ms", "elapsed_s",
  ]
  private let file: LineFile

  /// - Throws: `UserError(.cannotWrite)` if there is another table at `place`, or it cannot be written.
  init(_ place: FilePlace) throws(UserError) {
    let titles = Self.titles.joined(separator: ",")
    if try place.exists() {
      let input = try ByteInput(place)
      let start = try input.read(min(titles.utf8.count, input.remaining))
      guard start.isEmpty || start == Array(titles.utf8) else {
        throw UserError(
          .cannotWrite, place.path, "is not a table of this program's metrics, and was left as it is",
          hint: "move it away, or logging.csv: false")
      }
    }
    file = try LineFile(place, start: .empty)
    try file.append(titles)
  }

  func add(_ line: JSONValue) throws(UserError) {
    let cells = Self.titles.map { key in
      switch line[key] {
      case .string(let text)?: text
      case .null?, nil: ""
      case let value?: value.compactText
      }
    }
    try file.append(cells.joined(separator: ","))
  }
}

/// All forms that a run's configuration asks for.
///
/// They are made anew from the lines that `metrics.jsonl` has, so that those of a run that goes on are as complete as it.
package struct MetricsMirrors {
  private var mirrors: [any MetricsMirror] = []

  /// - Throws: `UserError`: `.cannotWrite` if a file cannot be; `.badData` if a line of `metrics.jsonl` is damaged.
  package init(_ directory: RunDirectory, _ logging: LoggingConfiguration) throws(UserError) {
    guard logging.tensorboard || logging.csv else { return }
    var lines: [JSONValue] = []
    try MetricsLine.forEach(in: directory.place(of: "metrics.jsonl")) { (line) throws(UserError) in
      lines.append(line)
    }
    if logging.csv { mirrors.append(try MetricsTable(directory.place(of: MetricsTable.name))) }
    if logging.tensorboard {
      let elapsed = lines.last?["elapsed_s"]?.floatingPoint ?? 0
      mirrors.append(
        try TensorBoardFile(directory.place(of: TensorBoardFile.name), start: Double(time(nil)) - elapsed))
    }
    for line in lines { try add(line) }
  }

  /// Takes what has happened, of which only lines count.
  package func add(_ event: TrainingEvent) throws(UserError) {
    if !mirrors.isEmpty, let line = MetricsLine.object(event) { try add(line) }
  }

  private func add(_ line: JSONValue) throws(UserError) {
    for mirror in mirrors { try mirror.add(line) }
  }
}

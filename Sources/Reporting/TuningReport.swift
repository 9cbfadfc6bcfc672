import Configuration
import Storage
import Training

extension TuningSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("runtime", best.runtime.jsonValue), .init("images_per_second", .number(best.imagesPerSecond)),
      .init(
        "trials",
        .array(
          trials.map {
            .object([
              .init("runtime", $0.runtime.jsonValue), .init("workers", .integer($0.workers)),
              .init("images_per_second", .number($0.imagesPerSecond)),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table: TextTable = TextTable([.right, .left, .right, .left])
    table.add("workers", "placement", "images/s", "")
    table.addRule()
    for trial: TuningTrial in trials {
      table.add(
        "\(trial.workers)", TuningText.placement(trial.runtime), NumberText.rate(trial.imagesPerSecond),
        trial == best ? "chosen" : "")
    }
    return table.lines() + ["", "runtime: \(best.runtime.jsonValue.prettyText())"]
  }
}

/// Settings in few words.
package enum TuningText {
  package static func placement(_ runtime: RuntimeConfiguration) -> String {
    let policy: String =
      switch runtime.policy {
      case .close: "close"
      case .scatter: "scatter"
      case .none: "none"
      case .cpus(let list): "CPUs \(list)"
      }
    return policy + (runtime.useSMT ? ", SMT" : "") + (runtime.memory.hugePages ? "" : ", small pages")
  }

  /// `2 workers, close: 12,345 images/s`.
  package static func line(_ trial: TuningTrial) -> String {
    "\(NumberText.count(trial.workers, "worker")), \(placement(trial.runtime)): "
      + "\(NumberText.rate(trial.imagesPerSecond)) images/s"
  }
}

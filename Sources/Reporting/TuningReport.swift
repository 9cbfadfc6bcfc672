import Configuration
import Measuring
import Storage

extension TuningSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("runtime", best.runtime.jsonValue), .init("images_per_second", .number(best.imagesPerSecond)),
      .init("uncertain", .bool(isUncertain)), .init("doubts", .array(doubts.map { .string($0) })),
      .init(
        "trials",
        .array(
          trials.map {
            .object([
              .init("runtime", $0.runtime.jsonValue), .init("workers", .integer($0.workers)),
              .init("images_per_second", .number($0.imagesPerSecond)),
              .init("range", .array([.number($0.range.lowerBound), .number($0.range.upperBound)])),
            ])
          })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.right, .left, .right, .left, .left])
    table.add("workers", "placement", "images/s", "range", "")
    table.addRule()
    let chosen = isUncertain ? "chosen, uncertain" : "chosen"
    for trial in trials {
      table.add(
        "\(trial.workers)", TuningText.placement(trial.runtime), NumberText.rate(trial.imagesPerSecond),
        TuningText.range(trial), trial == best ? chosen : "")
    }
    return table.lines() + [""] + doubts.map { "uncertain: \($0)" } + [
      "runtime: \(best.runtime.jsonValue.prettyText())"
    ]
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

  /// `12,000–12,600`: the middle half of the rounds.
  package static func range(_ trial: TuningTrial) -> String {
    "\(NumberText.rate(trial.range.lowerBound))–\(NumberText.rate(trial.range.upperBound))"
  }

  /// `2 workers, close: 12,345 images/s (12,000–12,600)`.
  package static func line(_ trial: TuningTrial) -> String {
    "\(NumberText.count(trial.workers, "worker")), \(placement(trial.runtime)): "
      + "\(NumberText.rate(trial.imagesPerSecond)) images/s (\(range(trial)))"
  }
}

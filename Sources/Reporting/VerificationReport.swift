import Measuring
import Storage

extension VerificationSummary: Summary {
  private static let shares = [0.01, 0.1, 0.5]

  package var json: JSONValue {
    .object([
      .init("run", .string(path)), .init("steps", .integer(steps)), .init("ledger", .string(head.text)),
      .init("numerics_version", .integer(numericsVersion)), .init("kernels", .string(kernels)),
      .init("files", .array(files.map { .string($0) })), .init("segments", .integer(segments.count)),
      .init(
        "replayed",
        .array(
          replayed.map { .object([.init("first", .integer($0.first + 1)), .init("last", .integer($0.last))]) })),
      .init("steps_replayed", .integer(stepsReplayed)), .init("weights_compared", .integer(weightsCompared)),
      .init("metrics_compared", .integer(metricsCompared)),
      .init(
        "probability_of_missing",
        .array(
          Self.shares.map {
            .object([.init("false_share", .number($0)), .init("probability", .number(probabilityOfMissing($0)))])
          })),
      .init("remarks", .array(remarks.map { .string($0) })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    table.add("run", "\(path), \(NumberText.count(steps, "step")), ledger \(head.text)")
    table.add("files", files.isEmpty ? "not compared" : "as the receipt says: \(files.joined(separator: ", "))")
    let parts = replayed.map { "\($0.first + 1)–\($0.last)" }.joined(separator: ", ")
    table.add(
      "replayed",
      "\(replayed.count) of \(NumberText.count(segments.count, "part"))"
        + (replayed.isEmpty ? "" : ", steps \(parts)") + ": \(NumberText.grouped(stepsReplayed)) of "
        + "\(NumberText.count(steps, "step")), by the \(kernels) kernels")
    table.add(
      "compared",
      "the examples and the loss of each, \(NumberText.count(weightsCompared, "digest")) of all weights, "
        + "\(NumberText.count(metricsCompared, "line")) of metrics")
    let proven =
      stepsReplayed == steps
      ? "every step is as recorded"
      : Self.shares.map { "\(NumberText.percent($0)) false: \(NumberText.percent(probabilityOfMissing($0)))" }
        .joined(separator: ", ")
    table.add(stepsReplayed == steps ? "proven" : "missed if", proven)
    return table.lines() + remarks.map { "note: \($0)" }
  }
}

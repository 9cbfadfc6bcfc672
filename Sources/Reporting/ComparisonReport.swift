import Measuring
import Storage

extension ComparisonSummary: Summary {
  package var json: JSONValue {
    .object([
      .init("runs", .array(runs.map { .string($0) })), .init("steps", .array(steps.map { .integer($0) })),
      .init("same", .bool(isSame)), .init("settings", .array(settings.map { .string($0) })),
      .init("first_step", firstStep.map { .integer($0) } ?? .null),
      .init("differences", .array(differences.map { .string($0) })), .init("comparisons", .integer(comparisons)),
      .init("replayed_from", replayedFrom.map { .integer($0) } ?? .null),
      .init("replay_agrees", .array(replayAgrees.map { .bool($0) })), .init("shard", shard?.json ?? .null),
      .init("remarks", .array(remarks.map { .string($0) })),
    ])
  }

  package var lines: [String] {
    var table = TextTable([.left, .left])
    for (run, steps) in zip(runs, steps) { table.add("run", "\(run), \(NumberText.count(steps, "step"))") }
    for setting in settings { table.add("differ in", setting) }
    table.add(
      "first step",
      firstStep.map { "\($0) differs: \(differences.joined(separator: ", "))" }
        ?? "none of those that both have differs")
    if let replayedFrom, replayAgrees.count == runs.count {
      let agreeing = zip(runs, replayAgrees).filter(\.1).map(\.0)
      table.add(
        "replay",
        "from step \(replayedFrom + 1) on, agrees with "
          + (agreeing.isEmpty ? "neither" : agreeing.joined(separator: ", ")))
    }
    if let shard {
      table.add(
        "shard",
        "\(shard.shard) of \(shard.of) in step \(shard.step): the builds of the kernels differ, \(shard.pass.words), "
          + (shard.sums.map { "in the sums of \($0) over the shard" }
            ?? (shard.tensors.isEmpty ? "in no gradient" : "in \(shard.tensors.joined(separator: ", "))")))
    } else if replayedFrom != nil {
      table.add(
        "shards", "computed by two builds of the kernels they are the same here: the difference does not repeat")
    }
    return table.lines() + remarks.map { "note: \($0)" }
  }
}

extension ComparisonSummary.Shard {
  fileprivate var json: JSONValue {
    .object([
      .init("step", .integer(step)), .init("shard", .integer(shard)), .init("of", .integer(of)),
      .init("pass", .string(pass.rawValue)), .init("tensors", .array(tensors.map { .string($0) })),
      .init("sums", sums.map { .string($0) } ?? .null),
    ])
  }
}

extension ComparisonSummary.Shard.Pass {
  fileprivate var words: String {
    switch self {
    case .forward: "in the forward pass"
    case .backward: "in the backward pass"
    case .weightGradient: "in the gradient of weights alone"
    }
  }
}

import Machine
import Network
import Runs
import Training

/// What a run is, as lines for people: the net as a table, then data, batches, kernels, workers, memory and notes.
package enum RunHeader {
  /// Columns of a layer's summary at least.
  private static let leastSummary = 20
  package static func lines(name: String, description run: RunDescription) -> [String] {
    var facts = TextTable([.left, .left])
    facts.add("data", dataText(run))
    for line in run.dataCredit { facts.add("", line) }
    facts.add(
      "batches",
      "\(NumberText.count(run.epochs, "epoch")) of \(NumberText.count(run.stepsPerEpoch, "step")), "
        + "\(NumberText.grouped(run.batchSize)) examples a step in shards of \(NumberText.grouped(run.shardSize))")
    facts.add("kernels", run.kernels)
    facts.add("workers", PlacementText.summary(run.placement))
    for (index, line) in run.memory.sum.enumerated() { facts.add(index == 0 ? "memory" : "", line) }
    var notes: [String] = []
    for note in run.notes where !notes.contains(note) { notes.append(note) }
    for note in notes { facts.add("note", note) }
    return ["lockstep \(ProgramVersion.current) · \(name)", ""] + network(run) + [""]
      + facts.lines(indentation: 2) + [""]
  }

  private static func network(_ run: RunDescription) -> [String] {
    var table = TextTable([.left, .left, .right, .right])
    table.add("layer", "", "output", "parameters")
    table.addRule()
    let cells = run.layers.map {
      (name: $0.name, output: $0.outputShape.description, parameters: NumberText.grouped($0.parameterCount))
    }
    let others = [
      cells.map(\.name.count) + ["running statistics".count], cells.map(\.output.count),
      cells.map(\.parameters.count) + ["parameters".count],
    ]
    let room = max(leastSummary, WrappedText.columns - 2 - others.reduce(0) { $0 + 2 + ($1.max() ?? 0) })
    let summaries = run.layers.map { WrappedText.lines($0.summary, columns: room) }
    for (cell, summary) in zip(cells, summaries) { table.add(cell.name, summary[0], cell.output, cell.parameters) }
    table.addRule()
    table.add("total", "", "", NumberText.grouped(run.parameterCount))
    if run.statisticCount > 0 { table.add("running statistics", "", "", NumberText.grouped(run.statisticCount)) }
    // After the heading and its rule.
    let lines = table.lines(indentation: 2)
    let rows = zip(lines.dropFirst(2), zip(run.layers, summaries)).flatMap { line, layer in
      let rest = layer.1.dropFirst() + [layer.0.detail]
      return [line]
        + WrappedText.lines(rest.joined(separator: " "), columns: WrappedText.columns - 4).filter { !$0.isEmpty }.map {
          "    \($0)"
        }
    }
    return lines.prefix(2) + rows + lines.dropFirst(2 + run.layers.count)
  }

  private static func dataText(_ run: RunDescription) -> String {
    let training = "\(NumberText.grouped(run.trainingExamples)) training"
    guard run.testExamples > 0 else { return "\(training) examples, no test set" }
    return "\(training) and \(NumberText.grouped(run.testExamples)) test examples"
  }
}

/// Where workers compute, in brief.
package enum PlacementText {
  /// `4 workers: CPUs 0-1 on node 0, CPUs 8-9 on node 1`, in worker order, or `4 workers, not pinned`.
  package static func summary(_ placement: Placement) -> String {
    let count = NumberText.count(placement.workers.count, "worker")
    var parts: [(node: Int, cpus: [Int?])] = []
    for worker in placement.workers {
      if parts.last?.node == worker.node {
        parts[parts.count - 1].cpus.append(worker.cpu)
      } else {
        parts.append((worker.node, [worker.cpu]))
      }
    }
    guard placement.workers.contains(where: { $0.cpu != nil }) else { return "\(count), not pinned" }
    let texts: [String] = parts.map { part in
      let pinned = part.cpus.compactMap { $0 }
      let unpinned = part.cpus.count - pinned.count
      let cpus = CPUSet(pinned)
      let pinnedText = pinned.isEmpty ? "" : "\(cpus.count == 1 ? "CPU" : "CPUs") \(cpus)"
      let unpinnedText = unpinned == 0 ? "" : "\(unpinned) not pinned"
      return [pinnedText, unpinnedText].filter { !$0.isEmpty }.joined(separator: " and ") + " on node \(part.node)"
    }
    return "\(count): \(texts.joined(separator: ", "))"
  }
}

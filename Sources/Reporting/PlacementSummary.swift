import Machine
import Storage
import Training

extension PlacementReport {
  /// The `placement` of a run's summary.
  package var json: JSONValue {
    .object([
      .init("workers", .array(workers.map(Self.worker))), .init("memory", .array(memory.map(Self.memory))),
      .init("dataset", .string(dataset.rawValue)), .init("as_planned", isAsPlanned.map { .bool($0) } ?? .null),
      .init("numa_balancing", .bool(hasAutomaticNUMABalancing)),
      .init("notes", .array((mismatches + notes).map { .string($0) })),
    ])
  }

  private static func worker(_ worker: Worker) -> JSONValue {
    .object([
      .init("worker", .integer(worker.worker)), .init("cpu", worker.cpu.map { .integer($0) } ?? .null),
      .init("node", .integer(worker.node)), .init("ran_on", .array(worker.ranOn.map { .integer($0) })),
      .init("migrations", .integer(worker.migrations)),
    ])
  }

  private static func memory(_ memory: Memory) -> JSONValue {
    .object([
      .init("class", .string(memory.kind.rawValue)), .init("bytes", .integer(memory.tally.bytes)),
      .init("pages", .integer(memory.tally.pages)), .init("on_node_share", .number(memory.tally.onNodeShare)),
      .init("huge_share", .number(memory.hugeShare)),
    ])
  }

  /// The same in a few lines for people: keys and texts.
  package var facts: [(key: String, text: String)] {
    let shares = memory.filter { $0.tally.bytes > 0 }.map { memory in
      let onNode = memory.tally.onNodeShare.map { NumberText.percent($0) } ?? "unknown"
      let huge = memory.hugeShare.map { ", \(NumberText.percent($0)) huge" } ?? ""
      let policy = memory.kind == .data && dataset != .whole ? " (\(dataset.rawValue))" : ""
      return "\(memory.kind.rawValue)\(policy) \(onNode)\(huge)"
    }
    // If all pages are where they should be, nothing is said about them.
    let pages: [(String, String)] =
      isAsPlanned == true ? [] : [("pages", "on their node: " + shares.joined(separator: "; "))]
    return [("threads", threads)] + pages + (mismatches.prefix(4) + notes).map { ("note", $0) }
  }

  /// `2 workers on CPUs 0-1, each on its own, 0 migrations`.
  private var threads: String {
    let ranOn = workers.reduce(CPUSet()) { $0.union($1.ranOn) }
    let migrations = workers.reduce(0) { $0 + $1.migrations }
    let pinned = workers.filter { $0.cpu != nil && $0.isPinned }.count
    return "\(NumberText.count(workers.count, "worker")) ran on \(ranOn.count == 1 ? "CPU" : "CPUs") \(ranOn), "
      + "\(NumberText.grouped(pinned)) pinned, \(NumberText.count(migrations, "migration"))"
  }
}

import Machine
import Storage
import Training

extension MemoryPlan {
  /// The plan in lines for people: what lies on each node, and the rule for the data sets.
  package var lines: [String] {
    nodes.map { node in
      let name = node.node.map { "node \($0)" } ?? "any node"
      let each = node.workers.count == 1 ? "" : "\(node.workers.count) × "
      return "\(name): weights \(Topology.size(node.weightBytes)), optimizer \(Topology.size(node.optimizerBytes)), "
        + "\(each)(\(Topology.size(node.activationBytes)) activations + \(Topology.size(node.gradientBytes)) gradients), "
        + "in all \(Topology.size(node.totalBytes))"
    } + (nodes.count > 1 ? ["data sets: \(rule)"] : [])
  }

  /// The memory of all nodes as a sum, for the header of a run.
  var sum: [String] {
    func bytes(_ part: (Node) -> Int) -> String { Topology.size(nodes.reduce(0) { $0 + part($1) }) }
    let workers = nodes.reduce(0) { $0 + $1.workers.count }
    let each =
      nodes.first.map {
        "\(Topology.size($0.activationBytes)) activations + \(Topology.size($0.gradientBytes)) gradients"
      }
    return [
      bytes(\.totalBytes) + (nodes.count > 1 ? " on \(nodes.count) nodes" : "") + ": \(workers) × (\(each ?? ""))",
      "+ \(bytes(\.weightBytes)) weights + \(bytes(\.optimizerBytes)) optimizer",
    ]
  }

  private var rule: String {
    switch dataset {
    case .auto: "a copy on each node if the copies take at most a quarter of the free memory, else interleaved"
    case .interleave: "pages on all nodes in turn"
    case .perNode: "a copy on each node"
    }
  }

  package var json: JSONValue {
    .object([
      .init(
        "nodes",
        .array(
          nodes.map { node in
            .object([
              .init("node", node.node.map { .integer($0) } ?? .null),
              .init("first_worker", .integer(node.workers.lowerBound)), .init("workers", .integer(node.workers.count)),
              .init("weight_bytes", .integer(node.weightBytes)),
              .init("optimizer_bytes", .integer(node.optimizerBytes)),
              .init("activation_bytes_per_worker", .integer(node.activationBytes)),
              .init("gradient_bytes_per_worker", .integer(node.gradientBytes)),
            ])
          })), .init("dataset", .string(dataset.rawValue)),
    ])
  }
}

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

/// Where each worker of a run computes.
package struct Placement: Sendable, Hashable {
  /// One worker's place. `cpu` is `nil` if the worker is not pinned.
  package struct Worker: Sendable, Hashable {
    package var cpu: Int?
    package var node: Int
    /// The node whose memory the worker uses: its own, or the nearest that has memory; `nil` if it may run anywhere.
    package var memoryNode: Int?

    /// A pinned worker uses its own node's memory.
    package init(cpu: Int?, node: Int) {
      self.cpu = cpu
      self.node = node
      memoryNode = cpu == nil ? nil : node
    }
  }
  /// In worker order; worker numbers follow nodes.
  package var workers: [Worker]
  /// Sentences for the user: workers that share a CPU, idle workers and the like.
  package var notes: [String]
  /// The notes about requests that cost speed or cannot be met; the others say what was decided.
  package var warnings: [String]

  package init(workers: [Worker], notes: [String], warnings: [String] = []) {
    self.workers = workers
    self.notes = notes
    self.warnings = warnings
  }

  /// Workers with neighbouring numbers that use one node's memory.
  package struct Group: Sendable, Hashable {
    package var memoryNode: Int?
    package var workers: Range<Int>
  }

  /// All workers in order, cut where the memory node changes.
  package var groups: [Group] {
    var groups: [Group] = []
    for (index, worker) in workers.enumerated() {
      if let last = groups.last, last.memoryNode == worker.memoryNode {
        groups[groups.count - 1].workers = last.workers.lowerBound..<index + 1
      } else {
        groups.append(Group(memoryNode: worker.memoryNode, workers: index..<index + 1))
      }
    }
    return groups
  }

  /// The placement with every worker's memory on a node that has some in `topology`.
  func withMemory(of topology: Topology) -> Placement {
    var placement = self
    let nodesWithMemory = topology.nodes.filter { $0.memoryBytes > 0 }.map(\.id)
    for index in workers.indices {
      if workers[index].cpu != nil {
        placement.workers[index].memoryNode = topology.memoryNode(near: workers[index].node)
      } else if nodesWithMemory.count == 1 {
        placement.workers[index].memoryNode = nodesWithMemory[0]
      }
    }
    return placement
  }
}

extension Topology {
  /// The node with memory that is nearest to node `id`, the lowest of several; `id` if no node is known to have memory.
  package func memoryNode(near id: Int) -> Int {
    guard let node = node(id), node.memoryBytes == 0 else { return id }
    let candidates = zip(nodes, node.distances).filter { $0.0.memoryBytes > 0 }
    return candidates.min { ($0.1, $0.0.id) < ($1.1, $1.0.id) }?.0.id ?? id
  }
}

import Configuration
import Machine

/// The memory that a run will take on each node, known before any is taken; the data sets are not in it.
package struct MemoryPlan: Sendable, Hashable {
  package struct Node: Sendable, Hashable {
    /// `nil` if the plan leaves it to the system.
    package var node: Int?
    package var workers: Range<Int>
    /// The node's replica of the weights, and what is computed from them once per step.
    package var weightBytes: Int
    /// The optimizer's state for the segments of the node's workers.
    package var optimizerBytes: Int
    /// Of each worker.
    package var activationBytes: Int
    package var gradientBytes: Int

    package init(
      node: Int?, workers: Range<Int>, weightBytes: Int, optimizerBytes: Int, activationBytes: Int, gradientBytes: Int
    ) {
      self.node = node
      self.workers = workers
      self.weightBytes = weightBytes
      self.optimizerBytes = optimizerBytes
      self.activationBytes = activationBytes
      self.gradientBytes = gradientBytes
    }

    package var totalBytes: Int {
      weightBytes + optimizerBytes + workers.count * (activationBytes + gradientBytes)
    }
  }
  package var nodes: [Node]
  package var dataset: MemoryConfiguration.Dataset

  package init(nodes: [Node], dataset: MemoryConfiguration.Dataset) {
    self.nodes = nodes
    self.dataset = dataset
  }
}

extension RunPlan {
  package var memoryPlan: MemoryPlan {
    MemoryPlan(
      nodes: groups.map { group in
        MemoryPlan.Node(
          node: group.memoryNode, workers: group.workers, weightBytes: memory.replicaBytes,
          optimizerBytes: memory.stateSlots.count * buckets.reduce(0) { $0 + $1.segment(of: group.workers).count }
            * MemoryLayout<Float>.stride,
          activationBytes: memory.activationBytes, gradientBytes: memory.gradientBytes)
      }, dataset: configuration.runtime.memory.dataset)
  }
}

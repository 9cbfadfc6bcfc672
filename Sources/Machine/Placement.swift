/// Where each worker of a run computes.
package struct Placement: Sendable, Hashable {
  /// One worker's place. `cpu` is `nil` where the worker is not pinned.
  package struct Worker: Sendable, Hashable {
    package var cpu: Int?
    package var node: Int

    package init(cpu: Int?, node: Int) {
      self.cpu = cpu
      self.node = node
    }
  }
  /// In worker order; worker numbers follow nodes.
  package var workers: [Worker]
  /// Sentences for the user: workers that share a CPU, idle workers and the like.
  package var notes: [String]

  package init(workers: [Worker], notes: [String]) {
    self.workers = workers
    self.notes = notes
  }
}

import Synchronization

/// Asks a run to stop after the step it is in; set from a signal handler's thread, read by worker 0 once a step.
package final class StopFlag: Sendable {
  private let requested = Atomic<Bool>(false)

  package init() {}
  package func request() { requested.store(true, ordering: .releasing) }
  package var isRequested: Bool { requested.load(ordering: .acquiring) }
}

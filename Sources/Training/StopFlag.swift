import Synchronization

/// Requests to a run from outside; set by the thread that reads signals, read by worker 0 once a step.
package final class StopFlag: Sendable {
  private let requested = Atomic<Bool>(false)
  private let checkpointRequested = Atomic<Bool>(false)

  package init() {}

  /// Asks the run to stop after the step it is in.
  package func request() { requested.store(true, ordering: .releasing) }
  package var isRequested: Bool { requested.load(ordering: .acquiring) }

  /// Asks for a checkpoint after the step the run is in; the run continues.
  package func requestCheckpoint() { checkpointRequested.store(true, ordering: .releasing) }

  /// Whether a checkpoint was asked for since the last call.
  func takeCheckpointRequest() -> Bool {
    checkpointRequested.load(ordering: .relaxed) && checkpointRequested.exchange(false, ordering: .acquiring)
  }
}

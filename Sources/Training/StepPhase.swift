/// What a worker does, phase by phase, in the order of a step: the one list that beats, timelines, metrics, breakdowns and
/// the documents take their names from.
///
/// A new phase is a case here and a `StepClock.enter` where it begins. Phases may come several times in a step, and a step
/// may meet as often as it likes.
package enum StepPhase: UInt8, Sendable, CaseIterable {
  case starting, computing, meeting, summing, reducing, updating, preparing, copying, waiting, publishing, evaluating
  case exchanging

  /// As documents and results call it.
  package var name: String { "\(self)" }

  /// In words, for messages about a worker in this phase.
  package var words: String {
    switch self {
    case .starting: "preparing its memory"
    case .computing: "computing gradients"
    case .meeting: "waiting for sums over the batch"
    case .summing: "adding its node's gradients"
    case .reducing: "adding gradients"
    case .updating: "updating weights"
    case .preparing: "preparing weights"
    case .copying: "copying the state for a checkpoint"
    case .waiting: "waiting for the others"
    case .publishing: "publishing results"
    case .evaluating: "evaluating the test set"
    case .exchanging: "waiting for other ranks"
    }
  }

  /// The part of a step that its time counts to; `nil` outside steps. Waiting is split into two if all workers are known.
  package var part: StepPart? {
    switch self {
    case .computing: .compute
    case .meeting: .meetings
    case .summing, .reducing: .reduce
    case .updating, .preparing, .copying: .update
    case .waiting: .barrier
    case .exchanging: .exchange
    case .starting, .publishing, .evaluating: nil
    }
  }

  /// Whether the worker waits for others of its process.
  package var isBarrier: Bool { self == .waiting || self == .meeting }

  /// False if the worker waits for others, which is not its fault.
  package var isWork: Bool { !isBarrier && self != .exchanging }
}

/// Where the time of a step goes, as benchmarks and the scaling model report it.
package enum StepPart: String, Sendable, CaseIterable {
  /// Forward and backward.
  case compute
  /// Waiting where layers need sums over the whole batch: for later workers, and then until the worker goes on.
  case meetings
  /// Waiting for workers that arrive later at one of the step's other barriers.
  case imbalance
  /// From the last arrival at such a barrier until the worker goes on.
  case barrier
  /// Waiting for the messages of other ranks, of which those that arrive late are a part.
  case exchange
  /// Adding partial gradients.
  case reduce
  /// The optimizer, and preparing the new weights for the next step.
  case update

  /// Whether it counts to a column of `metrics.jsonl`; compute is what is left of the step.
  package func counts(to column: StepColumn) -> Bool {
    switch self {
    case .compute: false
    case .meetings: column == .barrier || column == .meetings
    case .imbalance, .barrier: column == .barrier
    case .exchange: column == .barrier || column == .exchange
    case .reduce, .update: column == .reduce
    }
  }
}

/// The columns of `metrics.jsonl` with parts of a step.
package enum StepColumn: String, Sendable, CaseIterable {
  case reduce = "reduce_ms"
  case barrier = "barrier_ms"
  case meetings = "meetings_ms"
  case exchange = "exchange_ms"
}

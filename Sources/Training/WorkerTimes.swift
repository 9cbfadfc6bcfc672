/// Where one worker's time went, summed over the steps of this part of a run.
package struct WorkerTimes: Sendable, Hashable {
  package let worker: Int
  /// Steps that the sums are over.
  package let steps: Int
  /// By the phases' codes.
  private let nanoseconds: [UInt64]

  init(worker: Int, steps: Int, nanoseconds: [UInt64]) {
    self.worker = worker
    self.steps = steps
    self.nanoseconds = nanoseconds
  }

  /// Of all phases that count to `part`; all waiting outside meetings counts to `.barrier`.
  package func nanoseconds(_ part: StepPart) -> UInt64 {
    StepPhase.allCases.reduce(0) { $1.part == part ? $0 + nanoseconds[Int($1.rawValue)] : $0 }
  }
}

extension StepPart {
  /// The parts that a worker's own clock tells apart: waiting is split in two only where all workers' clocks are compared.
  package static let timed: [StepPart] = allCases.filter { $0 != .imbalance }
}

extension Trainer {
  /// Where the workers' time went so far; call it while they do not run.
  package var workerTimes: [WorkerTimes] {
    (0..<plan.workerCount).map { session.shared.times.times(worker: $0) }
  }
}

import Configuration
import Machine

/// When a checkpoint is due; asked by worker 0 once a step.
package struct CheckpointSchedule {
  private let rules: CheckpointConfiguration
  private let stepsPerEpoch: Int
  /// Since the last checkpoint.
  private var watch: Stopwatch
  /// Due, but not made yet.
  private var isPending = false

  /// - Parameter now: nanoseconds of a monotonic clock, like all times here.
  package init(_ rules: CheckpointConfiguration, stepsPerEpoch: Int, now: UInt64) {
    self.rules = rules
    self.stepsPerEpoch = stepsPerEpoch
    watch = Stopwatch(now: now)
  }

  /// Whether to keep the state after `stepsDone` steps, or because an earlier one that was due could not be kept.
  ///
  /// - Parameter isRequested: whether a checkpoint was asked for since the last call.
  package mutating func isDue(stepsDone: Int, now: UInt64, isRequested: Bool) -> Bool {
    if rules.everySteps > 0, stepsDone % rules.everySteps == 0 { isPending = true }
    if rules.everyEpochs > 0, stepsDone % stepsPerEpoch == 0, stepsDone / stepsPerEpoch % rules.everyEpochs == 0 {
      isPending = true
    }
    if rules.everySeconds > 0, Double(watch.look(now: now)) * 1e-9 >= rules.everySeconds { isPending = true }
    if isRequested { isPending = true }
    return isPending
  }

  package mutating func wasTaken(now: UInt64) {
    isPending = false
    watch = Stopwatch(now: now)
  }
}

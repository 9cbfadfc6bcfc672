import Configuration

/// When a checkpoint is due; asked by worker 0 once a step.
struct CheckpointSchedule {
  private let rules: CheckpointConfiguration
  private let stepsPerEpoch: Int
  private var lastTime = monotonicNanoseconds()
  /// Due, but not made yet.
  private var isPending = false

  init(_ rules: CheckpointConfiguration, stepsPerEpoch: Int) {
    self.rules = rules
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// Whether the state after `stepsDone` steps is to be kept, or one before was and could not be.
  mutating func isDue(stepsDone: Int, now: UInt64, _ stop: StopFlag) -> Bool {
    if rules.everySteps > 0, stepsDone % rules.everySteps == 0 { isPending = true }
    if rules.everyEpochs > 0, stepsDone % stepsPerEpoch == 0, stepsDone / stepsPerEpoch % rules.everyEpochs == 0 {
      isPending = true
    }
    if rules.everySeconds > 0, Double(now - lastTime) * 1e-9 >= rules.everySeconds { isPending = true }
    if stop.takeCheckpointRequest() { isPending = true }
    return isPending
  }

  mutating func wasTaken(now: UInt64) {
    isPending = false
    lastTime = now
  }
}

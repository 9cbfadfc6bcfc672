/// What worker 0 and the reporting thread tell each other during a run.
struct RunChannel: Sendable {
  /// Results of steps and epochs, from worker 0.
  let ring = StepRing()
  /// What the outside asks of the run.
  let stop: StopFlag
  /// Where workers copy the state to for a checkpoint; `nil` if none are wanted.
  let snapshot: Snapshot?

  init(stop: StopFlag, snapshot: Snapshot? = nil) {
    self.stop = stop
    self.snapshot = snapshot
  }

  /// By worker 0; waits only if the reporting thread is a thousand entries late.
  func push(_ totals: StepTotals) {
    while !ring.push(totals) { sleepMicroseconds(1_000) }
  }
}

/// How a run is watched, which changes none of its numbers.
package struct RunOptions: Sendable {
  /// Whether the run stops after its first step if threads or memory are not where the plan says.
  package var isPlacementStrict = false
  /// Where the run ends although it has not done all of its steps; `nil` for its own end.
  package var lastStep: Int?
  /// Where the workers' phases are kept, of as many workers as the run has; `nil` for nowhere.
  package var trace: StepTrace?
  /// How long a worker may stay in one phase before it is reported.
  var watchdogSeconds = Watchdog.defaultSeconds
  /// For tests: a byte that all worker memory is filled with first; it must not matter.
  var memoryFill: UInt8?
  #if DEBUG || LOCKSTEP_FAULTS
    /// For tests: flips a bit.
    package var gradientFault: GradientFault?
  #endif
  /// For tests: called by each worker as it enters a phase.
  var onPhase: StepClock.Watcher?

  package init() {}
}

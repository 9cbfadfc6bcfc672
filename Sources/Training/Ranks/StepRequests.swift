import Storage

/// What is asked of a run inside a step: by its own process or, in a job, by any rank.
///
/// All ranks read the same requests and decide alike.
struct StepRequests: Hashable, Sendable {
  /// The run is to stop after the step.
  var stops = false
  /// The run has taken as long as it may.
  var isTimeUp = false
  /// A checkpoint is due, by the configuration or by request.
  var wantsCheckpoint = false
  /// Whether there is room for the copy of the state; in a job, on rank 0.
  var hasRoom = false

  /// Takes in what another rank asks for.
  mutating func join(_ other: StepRequests, of rank: Int) {
    stops = stops || other.stops
    isTimeUp = isTimeUp || other.isTimeUp
    wantsCheckpoint = wantsCheckpoint || other.wantsCheckpoint
    if rank == 0 { hasRoom = other.hasRoom }
  }
}

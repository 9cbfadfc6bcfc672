/// Where one worker's time of one step went, in nanoseconds of one clock.
package struct StepTimeline: Hashable, Sendable {
  /// One barrier, when the worker arrived there and when it went on.
  package struct Meeting: Hashable, Sendable {
    package var arrival: UInt64
    package var departure: UInt64
    /// Whether the worker's memory group met there, not all workers.
    package var isOfGroup: Bool

    package init(arrival: UInt64, departure: UInt64, isOfGroup: Bool = false) {
      self.arrival = arrival
      self.departure = departure
      self.isOfGroup = isOfGroup
    }
  }
  /// By the phases' codes.
  private var nanoseconds = [UInt64](repeating: 0, count: StepPhase.allCases.count)
  /// In order; the same ones for all workers of a step.
  package var meetings: [Meeting] = []

  package init() {}

  package subscript(phase: StepPhase) -> UInt64 {
    get { nanoseconds[Int(phase.rawValue)] }
    set { nanoseconds[Int(phase.rawValue)] = newValue }
  }
}

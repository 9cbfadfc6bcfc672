import Machine

/// Where one worker's time of one step went, in nanoseconds of one clock.
package struct StepTimeline: Hashable, Sendable {
  /// One barrier, when the worker arrived there and when it went on.
  package struct Meeting: Hashable, Sendable {
    package enum Kind: UInt64, Sendable {
      /// All workers.
      case all
      /// The worker's memory group.
      case group
      /// All workers, inside compute: a layer needs sums over the whole batch.
      case sums
    }
    package var arrival: UInt64
    package var departure: UInt64
    package var kind: Kind

    package init(arrival: UInt64, departure: UInt64, kind: Kind = .all) {
      self.arrival = arrival
      self.departure = departure
      self.kind = kind
    }
  }
  /// When the step began.
  package var start: UInt64 = 0
  /// By the phases' codes.
  private var nanoseconds = [UInt64](repeating: 0, count: StepPhase.allCases.count)
  /// In order; the same ones for all workers of a step.
  package var meetings: [Meeting] = []

  package init() {}

  package subscript(phase: StepPhase) -> UInt64 {
    get { nanoseconds[Int(phase.rawValue)] }
    set { nanoseconds[Int(phase.rawValue)] = newValue }
  }

  /// How long the worker computed before each meeting inside compute, and after the last of them.
  package var segments: [UInt64] {
    var segments: [UInt64] = []
    var (left, begin) = (self[.computing], start)
    for meeting in meetings where meeting.kind == .sums {
      segments.append(clockSpan(begin, meeting.arrival))
      left = clockSpan(segments[segments.count - 1], left)
      begin = meeting.departure
    }
    return segments + [left]
  }
}

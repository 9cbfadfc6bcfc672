import Training

/// Where a step's time went, in nanoseconds, as means over the workers; the parts sum up to the step.
package struct StepBreakdown: Hashable, Sendable {
  package var compute: Double
  package var meetings: Double
  package var imbalance: Double
  package var barrier: Double
  package var exchange: Double
  package var reduce: Double
  package var update: Double

  package init(
    compute: Double = 0, meetings: Double = 0, imbalance: Double = 0, barrier: Double = 0, exchange: Double = 0,
    reduce: Double = 0, update: Double = 0
  ) {
    self.compute = compute
    self.meetings = meetings
    self.imbalance = imbalance
    self.barrier = barrier
    self.exchange = exchange
    self.reduce = reduce
    self.update = update
  }

  package subscript(part: StepPart) -> Double {
    get { self[keyPath: Self.path(part)] }
    set { self[keyPath: Self.path(part)] = newValue }
  }

  private static func path(_ part: StepPart) -> WritableKeyPath<StepBreakdown, Double> {
    switch part {
    case .compute: \.compute
    case .meetings: \.meetings
    case .imbalance: \.imbalance
    case .barrier: \.barrier
    case .exchange: \.exchange
    case .reduce: \.reduce
    case .update: \.update
    }
  }

  package var total: Double { StepPart.allCases.reduce(0) { $0 + self[$1] } }

  /// The parts worth a column for these steps: without exchange where none waited for another rank.
  package static func parts(of steps: [StepBreakdown]) -> [StepPart] {
    StepPart.allCases.filter { part in part != .exchange || steps.contains { $0[part] > 0 } }
  }

  /// The median of each part over steps; zeros for no step.
  package static func medians(_ steps: [StepBreakdown]) -> StepBreakdown {
    var result = StepBreakdown()
    for part in StepPart.allCases { result[part] = median(steps.map { $0[part] }) }
    return result
  }
}

extension StepBreakdown {
  /// One step from the timelines of all its workers; sums run in worker order.
  ///
  /// - Parameter groups: the workers of each memory node; `nil` means that there is one.
  /// - Precondition: `workers` is not empty, and all met equally often.
  package init(_ workers: [StepTimeline], groups: [Range<Int>]? = nil) {
    precondition(!workers.isEmpty, "A step has a worker.")
    self.init()
    let all = 0..<workers.count
    let count = Double(workers.count)
    for worker in workers {
      for phase in StepPhase.allCases where phase.isWork || phase == .exchanging {
        if let part = phase.part { self[part] += Double(worker[phase]) / count }
      }
    }
    for (index, meeting) in workers[0].meetings.enumerated() {
      for members in meeting.kind == .group ? groups ?? [all] : [all] {
        meet(workers[members].map { $0.meetings[index] }, count)
      }
    }
  }

  /// Adds the waiting times at one barrier of the workers that met there, as a mean over `count` workers.
  private mutating func meet(_ meetings: [StepTimeline.Meeting], _ count: Double) {
    let latest = meetings.reduce(0) { max($0, $1.arrival) }
    for meeting in meetings {
      let (late, rest) = (Self.span(meeting.arrival, latest), Self.span(latest, meeting.departure))
      if meeting.kind == .sums {
        self.meetings += (late + rest) / count
      } else {
        imbalance += late / count
        barrier += rest / count
      }
    }
  }

  private static func span(_ from: UInt64, _ to: UInt64) -> Double { to > from ? Double(to - from) : 0 }
}

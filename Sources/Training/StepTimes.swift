/// The account of all workers' time: a line per worker and step, written through its `StepClock`.
///
/// `@unchecked Sendable`: each worker writes its own lines while it runs; others read once all have finished.
final class StepTimes: @unchecked Sendable {
  /// A line's words: step, start, end, number of meetings, the phases' times, then arrival, departure and kind of each
  /// meeting. Whole pairs of cache lines, so that workers do not share one.
  struct Line {
    static let phases = StepPhase.allCases.count
    let words: UnsafeMutablePointer<UInt64>

    func clear(start: UInt64) {
      words.update(repeating: 0, count: 3 + Self.phases)
      words[0] = start
    }

    var start: UInt64 { words[0] }
    var end: UInt64 {
      get { words[1] }
      nonmutating set { words[1] = newValue }
    }

    func add(_ nanoseconds: UInt64, to phase: StepPhase) { words[3 + Int(phase.rawValue)] &+= nanoseconds }
    func nanoseconds(_ phase: StepPhase) -> UInt64 { words[3 + Int(phase.rawValue)] }

    var meetings: Int { Int(words[2]) }
    private func meeting(_ index: Int) -> UnsafeMutablePointer<UInt64> { words + 3 + Self.phases + 3 * index }

    func addMeeting(arrival: UInt64, departure: UInt64, kind: StepTimeline.Meeting.Kind) {
      let place = meeting(meetings)
      (place[0], place[1], place[2]) = (arrival, departure, kind.rawValue)
      words[2] += 1
    }

    var timeline: StepTimeline {
      var timeline = StepTimeline()
      timeline.start = start
      for phase in StepPhase.allCases { timeline[phase] = nanoseconds(phase) }
      timeline.meetings = (0..<meetings).map {
        let place = meeting($0)
        return .init(arrival: place[0], departure: place[1], kind: .init(rawValue: place[2]) ?? .all)
      }
      return timeline
    }
  }

  /// Meetings that a line has room for.
  let meetings: Int
  private let workers: Int
  private let keptSteps: Int
  private let stride: Int
  private let words: UnsafeMutablePointer<UInt64>
  /// By worker, after the lines: the steps that have ended, then the phases' times in all of them.
  private let totals: UnsafeMutablePointer<UInt64>
  private static let cacheLines = 16

  /// - Parameters:
  ///   - keptSteps: how many of the last steps are kept.
  ///   - meetings: the most of one step.
  init(workers: Int, keptSteps: Int, meetings: Int) {
    self.workers = workers
    self.keptSteps = keptSteps
    self.meetings = meetings
    assert(1 + Line.phases <= Self.cacheLines, "A worker's totals take more than a line.")
    stride = (3 + Line.phases + 3 * meetings + Self.cacheLines - 1) / Self.cacheLines * Self.cacheLines
    let count = workers * (keptSteps * stride + Self.cacheLines)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<UInt64>.stride, alignment: 128)
    words = memory.bindMemory(to: UInt64.self, capacity: count)
    words.initialize(repeating: 0, count: count)
    totals = words + workers * keptSteps * stride
  }

  deinit { UnsafeMutableRawPointer(words).deallocate() }

  func line(worker: Int, step: Int) -> Line {
    Line(words: words + (worker * keptSteps + step % keptSteps) * stride)
  }

  /// Adds a step that has ended to its worker's totals.
  func addToTotals(_ line: Line, worker: Int) {
    let totals = totals + worker * Self.cacheLines
    totals[0] += 1
    for phase in 0..<Line.phases { totals[1 + phase] &+= line.words[3 + phase] }
  }

  /// A worker's totals; read while it does not run.
  func times(worker: Int) -> WorkerTimes {
    let totals = totals + worker * Self.cacheLines
    return WorkerTimes(
      worker: worker, steps: Int(totals[0]), nanoseconds: (0..<Line.phases).map { totals[1 + $0] })
  }

  /// All workers' timelines of the steps in `range` that are still kept, in ascending order.
  func timelines(_ range: Range<Int>) -> [[StepTimeline]] {
    range.suffix(keptSteps).map { step in (0..<workers).map { line(worker: $0, step: step).timeline } }
  }
}

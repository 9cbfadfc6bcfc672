import Collectives
import Machine

/// One worker's clock: publishes the worker's phase for the watchdog, and enters in `StepTimes` how long it took.
///
/// A step lies between `begin` and `end`; outside of one, phases are published but not entered. Belongs to one worker
/// and allocates nothing after `init`.
struct StepClock: ~Copyable {
  private struct State {
    var step: Int
    var phase: StepPhase = .starting
    var line: StepTimes.Line
    var isOpen = false
    /// Whether a step has ended and the worker has entered nothing since.
    var isBetween = false
    /// The last time that was read: in an open step, when the phase began.
    var now = monotonicNanoseconds()
    var meeting = StepTimeline.Meeting.Kind.all
  }
  package typealias Watcher = @Sendable (_ phase: StepPhase, _ step: Int, _ worker: Int) -> Void

  private let worker: Int
  private let beats: WorkerBeats
  private let times: StepTimes
  private let watcher: Watcher?
  private let trace: StepTrace?
  private let state: UnsafeMutablePointer<State>

  /// - Parameters:
  ///   - step: the first one; time before it is reported under it.
  ///   - watcher: called as the worker enters a phase.
  ///   - trace: gets every phase, those outside steps, too.
  init(
    _ beats: WorkerBeats, _ times: StepTimes, worker: Int, step: Int, watcher: Watcher? = nil,
    trace: StepTrace? = nil
  ) {
    self.worker = worker
    self.beats = beats
    self.times = times
    self.watcher = watcher
    self.trace = trace
    // Two cache lines of its own.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(128, MemoryLayout<State>.size), alignment: 128)
    state = memory.bindMemory(to: State.self, capacity: 1)
    state.initialize(to: State(step: step, line: times.line(worker: worker, step: step)))
    say(.starting)
  }

  deinit { UnsafeMutableRawPointer(state).deallocate() }

  /// Starts the account of a step, with `phase`.
  func begin(_ step: Int, _ phase: StepPhase) {
    if trace != nil { close() }
    let line = times.line(worker: worker, step: step)
    state.pointee = State(step: step, phase: phase, line: line, isOpen: true)
    line.clear(start: now)
    say(phase)
  }

  /// From now on the worker is at `phase`.
  func enter(_ phase: StepPhase) {
    close()
    state.pointee.phase = phase
    say(phase)
  }

  /// Waits at `barrier`, which in a step is a meeting of that kind.
  func meet(_ barrier: MeetingPoint, _ kind: StepTimeline.Meeting.Kind = .all) throws(BarrierBroken) {
    enter(kind == .sums ? .meeting : .waiting)
    state.pointee.meeting = kind
    try barrier.wait()
  }

  /// Ends the account of the step; the published phase stays until the worker enters another.
  func end() {
    close()
    state.pointee.line.end = now
    times.addToTotals(state.pointee.line, worker: worker)
    state.pointee.isOpen = false
    state.pointee.isBetween = true
  }

  /// The last time that the clock read.
  var now: UInt64 { state.pointee.now }

  /// How long the last step took, from `begin` to `end`.
  var stepNanoseconds: UInt64 { clockSpan(state.pointee.line.start, state.pointee.line.end) }

  /// How much of the last step counts to a column of the metrics.
  func nanoseconds(_ column: StepColumn) -> UInt64 {
    var sum: UInt64 = 0
    for phase in StepPhase.allCases where phase.part?.counts(to: column) == true {
      sum += state.pointee.line.nanoseconds(phase)
    }
    return sum
  }

  /// Enters the time since the last reading.
  private func close() {
    guard state.pointee.isOpen || trace != nil else { return }
    let before = now
    state.pointee.now = monotonicNanoseconds()
    if let trace, !state.pointee.isBetween {
      trace.add(state.pointee.phase, step: state.pointee.step, worker: worker, start: before, end: now)
    }
    state.pointee.isBetween = false
    guard state.pointee.isOpen else { return }
    let line = state.pointee.line
    line.add(clockSpan(before, now), to: state.pointee.phase)
    guard state.pointee.phase.isBarrier else { return }
    precondition(line.meetings < times.meetings, "A step meets more often than its account has room for.")
    line.addMeeting(arrival: before, departure: now, kind: state.pointee.meeting)
  }

  @inline(__always)
  private func say(_ phase: StepPhase) {
    beats.enter(phase, step: state.pointee.step, worker: worker)
    watcher?(phase, state.pointee.step, worker)
  }
}

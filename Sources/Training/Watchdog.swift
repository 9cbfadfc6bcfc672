import Collectives
import Machine

/// A worker that has not moved for long while the others wait for it.
package struct StalledWorker: Sendable, Hashable {
  package var worker: Int
  /// The CPU it is pinned to, if any.
  package var cpu: Int?
  package var phase: StepPhase
  /// From 1.
  package var step: Int
  package var seconds: Double
  package init(worker: Int, cpu: Int?, phase: StepPhase, step: Int, seconds: Double) {
    self.worker = worker
    self.cpu = cpu
    self.phase = phase
    self.step = step
    self.seconds = seconds
  }
}

/// Names workers that are stuck; runs on the reporting thread, so that workers only store a word for it.
///
/// A worker that is stuck outside of a barrier is named. If all are at barriers and none moves, the ones that the others
/// wait for are. It only reports: a machine that swaps may recover.
struct Watchdog {
  /// How long a worker may stay in one place before it is reported; doubled after each report.
  static let defaultSeconds = 60.0
  /// The most that one look adds: a process that was suspended has not been stuck.
  private static let longestLook: UInt64 = 1_000_000_000

  private struct Sight: Equatable {
    var beat: UInt64
    var meeting: UInt64
  }

  private let beats: WorkerBeats
  private let log: MeetingLog
  private let placement: Placement
  private var last: [Sight]
  private var still: [UInt64]
  private var lastLook: UInt64
  private var patience: Double

  init(
    _ beats: WorkerBeats, _ log: MeetingLog, _ placement: Placement, seconds: Double = Watchdog.defaultSeconds,
    now: UInt64 = monotonicNanoseconds()
  ) {
    self.beats = beats
    self.log = log
    self.placement = placement
    patience = seconds
    lastLook = now
    last = (0..<beats.count).map { Sight(beat: beats.word($0), meeting: log.word($0)) }
    still = Array(repeating: 0, count: beats.count)
  }

  /// The workers that have been in one place for longer than allowed while others wait for them.
  mutating func look(now: UInt64 = monotonicNanoseconds()) -> [StalledWorker] {
    let passed = min(clockSpan(lastLook, now), Self.longestLook)
    lastLook = now
    for worker in 0..<beats.count {
      let sight = Sight(beat: beats.word(worker), meeting: log.word(worker))
      still[worker] = sight == last[worker] ? still[worker] + passed : 0
      last[worker] = sight
    }
    let stuck = (0..<beats.count).filter { seconds($0) >= patience }
    var found = stuck.filter {
      MeetingLog.place(last[$0].meeting) == .outside && WorkerBeats.phase(last[$0].beat).isWork
    }
    // Workers that wait for other ranks have met already; how long they may wait is up to the job.
    let isExchanging = stuck.contains { WorkerBeats.phase(last[$0].beat) == .exchanging }
    if found.isEmpty, stuck.count == beats.count, !isExchanging { found = log.behind() }
    if !found.isEmpty { patience *= 2 }
    return found.map { worker in
      StalledWorker(
        worker: worker, cpu: placement.workers[worker].cpu,
        phase: MeetingLog.place(last[worker].meeting) == .outside ? WorkerBeats.phase(last[worker].beat) : .waiting,
        step: WorkerBeats.step(last[worker].beat) + 1, seconds: seconds(worker))
    }
  }

  private func seconds(_ worker: Int) -> Double { Double(still[worker]) * 1e-9 }
}

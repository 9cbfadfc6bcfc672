import Machine

/// A worker that has not moved for long while the others wait for it.
package struct StalledWorker: Sendable, Hashable {
  package var worker: Int
  /// The CPU it is pinned to, if any.
  package var cpu: Int?
  package var phase: WorkerPhase
  /// From 1.
  package var step: Int
  package var seconds: Double
  package init(worker: Int, cpu: Int?, phase: WorkerPhase, step: Int, seconds: Double) {
    self.worker = worker
    self.cpu = cpu
    self.phase = phase
    self.step = step
    self.seconds = seconds
  }
}

/// Names workers that are stuck; looks from the reporting thread, so that workers do nothing for it but store a word.
///
/// It only reports: a process that was suspended, or a machine that swaps, may well go on.
struct Watchdog {
  /// How long a worker may stay in one phase before it is reported; doubled after each report.
  static let defaultSeconds = 60.0

  private let beats: WorkerBeats
  private let placement: Placement
  private var lastWords: [UInt64]
  private var lastChange: [UInt64]
  private var patience: Double

  init(_ beats: WorkerBeats, _ placement: Placement, seconds: Double = Watchdog.defaultSeconds) {
    self.beats = beats
    self.placement = placement
    patience = seconds
    lastWords = (0..<beats.count).map { beats.word($0) }
    lastChange = Array(repeating: monotonicNanoseconds(), count: beats.count)
  }

  /// The workers that have been in one phase, other than waiting, for longer than allowed.
  mutating func look(now: UInt64 = monotonicNanoseconds()) -> [StalledWorker] {
    var stalled: [StalledWorker] = []
    for worker in 0..<beats.count {
      let word = beats.word(worker)
      if word != lastWords[worker] {
        lastWords[worker] = word
        lastChange[worker] = now
      } else if WorkerBeats.phase(word) != .waiting {
        let seconds = Double(now - lastChange[worker]) * 1e-9
        guard seconds >= patience else { continue }
        stalled.append(
          StalledWorker(
            worker: worker, cpu: placement.workers[worker].cpu, phase: WorkerBeats.phase(word),
            step: WorkerBeats.step(word) + 1, seconds: seconds))
      }
    }
    if !stalled.isEmpty { patience *= 2 }
    return stalled
  }
}

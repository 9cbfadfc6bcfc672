import Machine
import Synchronization
import Testing

@testable import Collectives
@testable import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Workers that are stuck, wherever they are.
@Suite struct WatchdogTests {
  private static let second: UInt64 = 1_000_000_000

  /// Looks often enough that time counts, until something is found or too much time has passed.
  private func look(_ watchdog: inout Watchdog, from now: inout UInt64, seconds: Int) -> [StalledWorker] {
    for _ in 0..<2 * seconds {
      now += Self.second / 2
      let found = watchdog.look(now: now)
      if !found.isEmpty { return found }
    }
    return []
  }

  private func placement(_ count: Int) -> Placement {
    Placement(workers: (0..<count).map { Placement.Worker(cpu: $0 + 4, node: 0) }, notes: [])
  }

  @Test("a worker that stops at a barrier is named")
  func whoStopsAtAMeetingIsNamed() {
    let (beats, log) = (WorkerBeats(count: 3), MeetingLog(groups: [0..<3]))
    for worker in 0..<3 {
      beats.enter(.waiting, step: 7, worker: worker)
      log.enter(worker, ofAll: true)
      if worker != 2 { log.set(.waiting, worker) }
    }
    var now: UInt64 = 5
    var watchdog = Watchdog(beats, log, placement(3), seconds: 3, now: now)
    #expect(look(&watchdog, from: &now, seconds: 2) == [])
    let found = look(&watchdog, from: &now, seconds: 2)
    #expect(found == [StalledWorker(worker: 2, cpu: 6, phase: .waiting, step: 8, seconds: 3)])
    // It moves, and another one is late.
    log.set(.outside, 2)
    for worker in 0..<3 {
      log.enter(worker, ofAll: false)
      if worker != 0 { log.set(.waiting, worker) }
    }
    #expect(look(&watchdog, from: &now, seconds: 7).map(\.worker) == [0])
  }

  @Test("a worker stuck outside of barriers is named first")
  func workOutsideOfMeetingsComesFirst() {
    let (beats, log) = (WorkerBeats(count: 2), MeetingLog(groups: [0..<2]))
    beats.enter(.evaluating, step: 0, worker: 0)
    log.enter(1, ofAll: true)
    log.set(.waiting, 1)
    beats.enter(.waiting, step: 0, worker: 1)
    var now: UInt64 = 0
    var watchdog = Watchdog(beats, log, placement(2), seconds: 3, now: now)
    #expect(look(&watchdog, from: &now, seconds: 4).map(\.phase) == [.evaluating])
  }

  /// Neither a suspended process nor a clock that steps back is a stuck worker.
  @Test("only time that was watched counts")
  func onlyTimeThatWasWatchedCounts() {
    var watchdog = Watchdog(
      WorkerBeats(count: 1), MeetingLog(groups: [0..<1]), placement(1), seconds: 3, now: 100 * Self.second)
    #expect(watchdog.look(now: 1000 * Self.second) == [])
    #expect(watchdog.look(now: 2 * Self.second) == [])
    #expect(watchdog.look(now: 2000 * Self.second) == [])
    #expect(watchdog.look(now: 3000 * Self.second).count == 1)
  }

  /// The last worker has no shards: it spends its time at meetings.
  @Test("a worker that is late for a barrier is named", arguments: [(3, 1), (5, 4), (17, 16)])
  func aWorkerThatIsLateForAMeetingIsNamed(workers: Int, late: Int) throws {
    let trainer = try ResumeRun([.set("runtime.workers", "\(workers)"), .set("runtime.shard_size", "4")]).trainer()
    trainer.options.watchdogSeconds = 0.2
    let isStuck = Atomic<Bool>(true)
    trainer.options.onPhase = { phase, step, worker in
      guard worker == late, step == 4, phase == .waiting else { return }
      while isStuck.load(ordering: .acquiring) { usleep(1000) }
    }
    var found: [StalledWorker] = []
    let summary = try trainer.run(stop: StopFlag()) { event in
      // On a busy machine others that wait for a CPU may be named first; this one waits until it is named.
      guard case .stalled(let worker) = event, worker.worker == late, worker.step == 5 else { return }
      found.append(worker)
      isStuck.store(false, ordering: .releasing)
    }
    #expect(summary.steps == 12)
    #expect(found.first?.phase == .waiting, "\(found)")
  }
}

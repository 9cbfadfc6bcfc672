import TestSupport
import Testing

@testable import Collectives
@testable import Training

/// The one account of a worker's time.
@Suite struct StepClockTests {
  @Test("every nanosecond of a step belongs to a phase")
  func everyNanosecondOfAStepBelongsToAPhase() throws {
    let (beats, times) = (WorkerBeats(count: 2), StepTimes(workers: 2, keptSteps: 1, meetings: 4))
    let clock = StepClock(beats, times, worker: 1, step: 7)
    #expect(WorkerBeats.phase(beats.word(1)) == .starting && WorkerBeats.step(beats.word(1)) == 7)
    let barrier = MeetingPoint(Barrier(participants: 1), MeetingLog(groups: [0..<1]), worker: 0, isOfAll: true)
    // Outside a step a barrier is published, but not entered.
    try clock.meet(barrier)
    #expect(WorkerBeats.phase(beats.word(1)) == .waiting)
    clock.begin(7, .computing)
    try clock.meet(barrier, .sums)
    #expect(WorkerBeats.phase(beats.word(1)) == .meeting)
    clock.enter(.computing)
    try clock.meet(barrier, .group)
    for _ in 0..<3 {
      clock.enter(.reducing)
      clock.enter(.updating)
    }
    try clock.meet(barrier)
    clock.enter(.preparing)
    #expect(WorkerBeats.phase(beats.word(1)) == .preparing && WorkerBeats.step(beats.word(1)) == 7)
    #expect(beats.word(0) == 0)
    clock.end()
    clock.enter(.publishing)
    let line = try #require(times.timelines(7..<8).first?[1])
    #expect(line.meetings.map(\.kind) == [.sums, .group, .all])
    #expect(line.meetings.allSatisfy { $0.arrival <= $0.departure })
    #expect(clock.stepNanoseconds == StepPhase.allCases.reduce(0) { $0 + line[$1] })
    // A column of its own, and part of the column of all waiting.
    #expect(clock.nanoseconds(.meetings) == line[.meeting])
    #expect(line.meetings[0].departure - line.meetings[0].arrival == line[.meeting])
    #expect(clock.nanoseconds(.barrier) == line[.waiting] + line[.meeting])
    #expect(line.segments.count == 2 && line.segments.reduce(0, +) == line[.computing])
    #expect(clock.nanoseconds(.reduce) == line[.reducing] + line[.updating] + line[.preparing])
    #expect(line[.publishing] == 0 && line[.starting] == 0)
  }

  @Test("the last steps are kept")
  func theLastStepsAreKept() throws {
    let times = StepTimes(workers: 2, keptSteps: 512, meetings: 1)
    for step in 0..<600 {
      for worker in 0..<2 {
        let line = times.line(worker: worker, step: step)
        line.clear(start: 0)
        line.add(UInt64(step), to: .computing)
        line.addMeeting(arrival: UInt64(step), departure: UInt64(step + worker), kind: .all)
      }
    }
    let kept = times.timelines(3..<600)
    #expect(kept.count == 512)
    #expect(kept.first?.map { $0[.computing] } == [88, 88])
    #expect(kept.last?.map { $0.meetings.map(\.departure) } == [[599], [600]])
    #expect(times.timelines(598..<600).count == 2)
  }

  @Test("a phase has one name everywhere")
  func aPhaseHasOneNameEverywhere() throws {
    #expect(Set(StepPhase.allCases.map(\.words)).count == StepPhase.allCases.count)
    let page = String(decoding: try contents(ofFile: documentPath("scaling-model.md")), as: UTF8.self)
    for phase in StepPhase.allCases {
      let beats = WorkerBeats(count: 1)
      beats.enter(phase, step: 1 << 40, worker: 0)
      #expect(WorkerBeats.phase(beats.word(0)) == phase && WorkerBeats.step(beats.word(0)) == 1 << 40)
      // Every phase of a step is a row of the page about steps, with the part that it counts to.
      guard let part = phase.part else { continue }
      let shown = phase != .waiting ? part.rawValue : "\(StepPart.imbalance.rawValue), \(part.rawValue)"
      #expect(page.contains("| \(phase.name) | \(phase.words) | \(shown) |"))
    }
  }
}

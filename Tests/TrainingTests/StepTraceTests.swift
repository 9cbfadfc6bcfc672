import Configuration
import Datasets
import Machine
import TestSupport
import Testing

@testable import Training

@Suite struct StepTraceTests {
  @Test("a ring keeps the last events")
  func aRingKeepsTheLastEvents() {
    let trace = StepTrace(workers: 2, capacity: 4)
    #expect(trace.events(worker: 0).isEmpty && trace.lostEvents(worker: 0) == 0)
    for k in 0..<6 {
      trace.add(k % 2 == 0 ? .computing : .waiting, step: k, worker: 1, start: UInt64(k), end: UInt64(k + 1))
    }
    #expect(trace.events(worker: 0).isEmpty)
    #expect(trace.events(worker: 1).map(\.step) == [2, 3, 4, 5] && trace.lostEvents(worker: 1) == 2)
    #expect(trace.events(worker: 1).first == .init(phase: .computing, step: 2, start: 2, end: 3))
  }

  @Test("a step's phases follow each other, and what is outside of steps is there, too")
  func aStepsPhasesFollowEachOther() {
    let (beats, times) = (WorkerBeats(count: 1), StepTimes(workers: 1, keptSteps: 1, meetings: 2))
    let trace = StepTrace(workers: 1)
    let clock = StepClock(beats, times, worker: 0, step: 0, trace: trace)
    for step in 0..<2 {
      clock.begin(step, .computing)
      clock.enter(.reducing)
      clock.enter(.preparing)
      clock.end()
      clock.enter(.publishing)
    }
    let events = trace.events(worker: 0)
    #expect(
      events.map(\.phase) == [
        .starting, .computing, .reducing, .preparing, .publishing, .computing, .reducing, .preparing,
      ])
    #expect(events.map(\.step) == [0, 0, 0, 0, 0, 1, 1, 1])
    #expect(
      events.allSatisfy { $0.start <= $0.end } && zip(events, events.dropFirst()).allSatisfy { $0.end <= $1.start })
  }

  @Test("a worker's totals are the sums of its steps")
  func aWorkersTotalsAreTheSumsOfItsSteps() {
    let (beats, times) = (WorkerBeats(count: 2), StepTimes(workers: 2, keptSteps: 1, meetings: 2))
    let clock = StepClock(beats, times, worker: 1, step: 0)
    var (compute, reduce): (UInt64, UInt64) = (0, 0)
    for step in 0..<5 {
      clock.begin(step, .computing)
      clock.enter(.summing)
      clock.enter(.reducing)
      clock.end()
      compute += times.line(worker: 1, step: step).nanoseconds(.computing)
      reduce +=
        times.line(worker: 1, step: step).nanoseconds(.summing)
        + times.line(worker: 1, step: step).nanoseconds(.reducing)
    }
    let sums = times.times(worker: 1)
    #expect(sums.steps == 5 && sums.nanoseconds(.compute) == compute && sums.nanoseconds(.reduce) == reduce)
    #expect(sums.nanoseconds(.update) == 0 && times.times(worker: 0).steps == 0)
  }
}

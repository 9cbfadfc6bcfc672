import Testing

@testable import Training

@Suite struct StepBreakdownTests {
  private func timeline(_ points: [UInt64], optimizer: UInt64 = 0) -> StepTimeline {
    var line: StepTimeline = StepTimeline()
    (line.start, line.computed, line.met, line.reduced) = (points[0], points[1], points[2], points[3])
    (line.summed, line.joined) = (line.met, line.met)
    (line.updated, line.prepared, line.end) = (points[4], points[5], points[6])
    line.optimizerNanoseconds = optimizer
    return line
  }

  @Test func oneWorkerWaitsForNobody() {
    let step: StepBreakdown = StepBreakdown([timeline([0, 100, 101, 131, 133, 143, 144], optimizer: 10)])
    #expect(step == StepBreakdown(compute: 100, imbalance: 0, barrier: 4, reduce: 20, update: 20))
    #expect(step.total == 144)
  }

  @Test func waitingSplitsIntoLateWorkersAndTheBarrierItself() {
    // The second worker computes 20 longer; both leave 2 after it arrives.
    let step: StepBreakdown = StepBreakdown([
      timeline([0, 80, 102, 112, 112, 112, 112]), timeline([0, 100, 102, 112, 112, 112, 112]),
    ])
    #expect(step == StepBreakdown(compute: 90, imbalance: 10, barrier: 2, reduce: 10, update: 0))
    #expect(step.total == 112)
  }

  @Test func membersOfANodeWaitForEachOtherAloneUntilNodesMeet() {
    // Two nodes of one worker: each goes on at once, sums for 5 and 9, and meets the other at 120, left at 121.
    var (first, second) = (timeline([0, 80, 81, 131, 132, 142, 142]), timeline([0, 110, 111, 131, 132, 142, 142]))
    (first.summed, first.joined) = (86, 121)
    (second.summed, second.joined) = (120, 121)
    #expect(
      StepBreakdown([first, second], groups: [0..<1, 1..<2])
        == StepBreakdown(compute: 95, imbalance: 17, barrier: 3, reduce: 17, update: 10))
    #expect(StepBreakdown([first, second], groups: [0..<1, 1..<2]).total == 142)
  }

  @Test func aClockThatDisagreesCostsNothing() {
    // A worker that left a barrier before the last arrived, by its clock, waited 0.
    let step: StepBreakdown = StepBreakdown([
      timeline([0, 10, 11, 11, 11, 11, 11]), timeline([0, 12, 12, 12, 12, 12, 12]),
    ])
    #expect(step.barrier >= 0 && step.imbalance >= 0)
  }

  @Test func mediansAreTakenPartByPart() {
    let steps: [StepBreakdown] = [1, 9, 2].map { StepBreakdown(compute: $0, update: 10 - $0) }
    #expect(StepBreakdown.medians(steps) == StepBreakdown(compute: 2, update: 8))
    #expect(StepBreakdown.medians([]) == StepBreakdown())
    #expect(median([4, 1, 3, 2]) == 2.5)
    #expect(median([]) == 0)
  }

  @Test func theLogKeepsTheLastSteps() {
    let log: TimelineLog = TimelineLog(workers: 2)
    for step: Int in 0..<600 {
      for worker: Int in 0..<2 {
        log.record(timeline([UInt64](repeating: UInt64(step), count: 7)), worker: worker, step: step)
      }
    }
    let kept: [[StepTimeline]] = log.steps(3..<600)
    #expect(kept.count == 512)
    #expect(kept.first?.map(\.start) == [88, 88])
    #expect(kept.last?.map(\.end) == [599, 599])
    #expect(log.steps(598..<600).count == 2)
  }
}

import Testing
import Training

@testable import Measuring

@Suite struct StepBreakdownTests {
  /// Phases and meetings of a step in order: a phase with how long it took, or a meeting with when all could go on.
  private enum Part {
    case work(StepPhase, UInt64)
    case meeting(until: UInt64, ofGroup: Bool = false)
  }

  private func timeline(_ parts: [Part]) -> StepTimeline {
    var line = StepTimeline()
    var now: UInt64 = 0
    for part in parts {
      switch part {
      case .work(let phase, let time):
        line[phase] += time
        now += time
      case .meeting(let end, let ofGroup):
        line.meetings.append(.init(arrival: now, departure: end, isOfGroup: ofGroup))
        line[.waiting] += end > now ? end - now : 0
        now = end
      }
    }
    return line
  }

  @Test("a single worker waits for no other")
  func oneWorkerWaitsForNobody() {
    let step = StepBreakdown([
      timeline([
        .work(.computing, 100), .meeting(until: 101, ofGroup: true), .work(.reducing, 20), .work(.updating, 10),
        .meeting(until: 133), .work(.preparing, 8), .work(.copying, 2), .meeting(until: 144, ofGroup: true),
      ])
    ])
    #expect(step == StepBreakdown(compute: 100, imbalance: 0, barrier: 4, reduce: 20, update: 20))
    #expect(step.total == 144)
  }

  @Test("waiting splits into late workers and the barrier itself")
  func waitingSplitsIntoLateWorkersAndTheBarrierItself() {
    // The second worker computes 20 longer; both leave 2 after it arrives.
    let step = StepBreakdown(
      [80, 100].map {
        timeline([
          .work(.computing, $0), .meeting(until: 102, ofGroup: true), .work(.reducing, 10), .meeting(until: 112),
        ])
      })
    #expect(step == StepBreakdown(compute: 90, imbalance: 10, barrier: 2, reduce: 10, update: 0))
    #expect(step.total == 112)
  }

  @Test("members of a node wait only for each other until nodes meet")
  func membersOfANodeWaitForEachOtherAloneUntilNodesMeet() {
    // Two nodes of one worker: each goes on at once, sums for 5 and 9, and meets the other at 120, left at 121.
    let workers = [(compute: UInt64(80), sum: UInt64(5)), (110, 9)].map {
      timeline([
        .work(.computing, $0.compute), .meeting(until: $0.compute + 1, ofGroup: true), .work(.summing, $0.sum),
        .meeting(until: 121), .work(.reducing, 10), .meeting(until: 132), .work(.preparing, 10),
        .meeting(until: 142, ofGroup: true),
      ])
    }
    let step = StepBreakdown(workers, groups: [0..<1, 1..<2])
    #expect(step == StepBreakdown(compute: 95, imbalance: 17, barrier: 3, reduce: 17, update: 10))
    #expect(step.total == 142)
  }

  /// A layer that needs a meeting cuts compute in two.
  @Test("a step may meet inside compute")
  func aStepMayMeetInsideCompute() {
    let workers = [UInt64(10), 30].map {
      timeline([
        .work(.computing, $0), .meeting(until: 31), .work(.computing, 20), .meeting(until: 52, ofGroup: true),
      ])
    }
    #expect(StepBreakdown(workers) == StepBreakdown(compute: 40, imbalance: 10, barrier: 2))
  }

  @Test("a clock that disagrees costs nothing")
  func aClockThatDisagreesCostsNothing() {
    // A worker that left a barrier before the last arrived, by its clock, waited 0.
    let step = StepBreakdown([10, 12].map { timeline([.work(.computing, $0), .meeting(until: 11)]) })
    #expect(step.barrier >= 0 && step.imbalance >= 0)
  }

  @Test("medians are taken part by part")
  func mediansAreTakenPartByPart() {
    let steps: [StepBreakdown] = [1, 9, 2].map { StepBreakdown(compute: $0, update: 10 - $0) }
    #expect(StepBreakdown.medians(steps) == StepBreakdown(compute: 2, update: 8))
    #expect(StepBreakdown.medians([]) == StepBreakdown())
    #expect(median([4, 1, 3, 2]) == 2.5)
    #expect(median([]) == 0)
  }
}

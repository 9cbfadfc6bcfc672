import Testing
import Training

@testable import Measuring

@Suite struct StepBreakdownTests {
  /// Phases and meetings of a step in order: a phase with how long it took, or a meeting with when all could go on.
  private enum Part {
    case work(StepPhase, UInt64)
    case meeting(until: UInt64, StepTimeline.Meeting.Kind = .all)
  }

  private func timeline(_ parts: [Part]) -> StepTimeline {
    var line = StepTimeline()
    var now: UInt64 = 0
    for part in parts {
      switch part {
      case .work(let phase, let time):
        line[phase] += time
        now += time
      case .meeting(let end, let kind):
        line.meetings.append(.init(arrival: now, departure: end, kind: kind))
        line[kind == .sums ? .meeting : .waiting] += end > now ? end - now : 0
        now = end
      }
    }
    return line
  }

  @Test("a single worker waits for no other")
  func oneWorkerWaitsForNobody() {
    let step = StepBreakdown([
      timeline([
        .work(.computing, 100), .meeting(until: 101, .group), .work(.reducing, 20), .work(.updating, 10),
        .meeting(until: 133), .work(.preparing, 8), .work(.copying, 2), .meeting(until: 144, .group),
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
          .work(.computing, $0), .meeting(until: 102, .group), .work(.reducing, 10), .meeting(until: 112),
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
        .work(.computing, $0.compute), .meeting(until: $0.compute + 1, .group), .work(.summing, $0.sum),
        .meeting(until: 121), .work(.reducing, 10), .meeting(until: 132), .work(.preparing, 10),
        .meeting(until: 142, .group),
      ])
    }
    let step = StepBreakdown(workers, groups: [0..<1, 1..<2])
    #expect(step == StepBreakdown(compute: 95, imbalance: 17, barrier: 3, reduce: 17, update: 10))
    #expect(step.total == 142)
  }

  /// A layer that needs sums over the batch cuts compute in two; waiting there has a column of its own.
  @Test("a step may meet inside compute")
  func aStepMayMeetInsideCompute() {
    // The first worker is 20 early at the first meeting, 5 late at the second; all leave 1 after the last arrives.
    let workers: [StepTimeline] = [(UInt64(10), UInt64(25)), (30, 20)].map {
      timeline([
        .work(.computing, $0.0), .meeting(until: 31, .sums), .work(.computing, $0.1), .meeting(until: 57, .sums),
        .work(.computing, 3), .meeting(until: 61, .group),
      ])
    }
    #expect(workers.map(\.segments) == [[10, 25, 3], [30, 20, 3]])
    let step = StepBreakdown(workers)
    #expect(step == StepBreakdown(compute: 45.5, meetings: 14.5, imbalance: 0, barrier: 1))
    #expect(step.total == 61)
  }

  @Test("segments of a step without meetings are all of compute")
  func segmentsOfAStepWithoutMeetings() {
    #expect(timeline([.work(.computing, 7), .meeting(until: 9)]).segments == [7])
    #expect(StepTimeline().segments == [0])
    // A clock that goes back between meetings adds nothing.
    var line = timeline([.work(.computing, 7), .meeting(until: 9, .sums), .work(.computing, 4)])
    line.start = 8
    #expect(line.segments == [0, 11])
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

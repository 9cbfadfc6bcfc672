import Configuration
import Testing

@testable import Runs

/// When a checkpoint is due by time, by a clock that may go back.
@Suite struct CheckpointScheduleTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func timeCountsWhereTheClockGoesBack() {
    var rules = CheckpointConfiguration(everyEpochs: 0, keepLast: 1)
    rules.everySeconds = 10
    var schedule = CheckpointSchedule(rules, stepsPerEpoch: 5, now: 100 * Self.second)
    var found: [UInt64] = []
    let times: [UInt64] = [105, 3, 6, 7, 8, 9, 14, 15, 20, 22]
    for (step, second) in times.enumerated()
    where schedule.isDue(stepsDone: step + 1, now: second * Self.second, isRequested: false) {
      found.append(second)
      schedule.wasTaken(now: second * Self.second)
    }
    // Five seconds, a step back, and five more; then ten from 8 on.
    #expect(found == [8, 20])
  }
}

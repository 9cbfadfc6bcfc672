import Testing

@testable import Machine

/// Time by a clock that may go back.
@Suite struct StopwatchTests {
  @Test func aClockThatGoesBackTakesAwayTheTimeSinceTheLastLook() {
    var watch: Stopwatch = Stopwatch(now: 1_000)
    #expect(watch.look(now: 1_400) == 400)
    #expect(watch.look(now: 10) == 400)
    #expect(watch.look(now: 60) == 450)
  }

  @Test func aSpanIsNeverNegative() {
    #expect(clockSpan(3, 10) == 7)
    #expect(clockSpan(10, 3) == 0)
  }
}

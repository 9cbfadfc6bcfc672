import Testing

@testable import Reporting

@Suite struct NumberTextTests {
  @Test(
    "numbers are shown with fixed decimals",
    arguments: [
      (0, 2, "0.00"), (1.005, 2, "1.00"), (0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (-0.001, 2, "0.00"),
      (12.5, 0, "13"), (0.05, 1, "0.1"), (1234.5678, 3, "1234.568"), (.nan, 2, "nan"), (-.infinity, 2, "-inf"),
      (1e300, 2, "1e+300"), (9.999, 2, "10.00"),
    ] as [(Double, Int, String)])
  func fixed(value: Double, decimals: Int, text: String) {
    #expect(NumberText.fixed(value, decimals) == text)
  }

  @Test(
    "thousands are separated",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (-1000, "-1,000"), (1_234_567, "1,234,567"),
      (.min, "-9,223,372,036,854,775,808"),
    ] as [(Int, String)])
  func grouped(value: Int, text: String) {
    #expect(NumberText.grouped(value) == text)
  }

  @Test(
    "seconds are shown as a clock",
    arguments: [
      (0, "0:00"), (0.2, "0:01"), (59.0, "0:59"), (59.5, "1:00"), (3599.5, "1:00:00"), (3725, "1:02:05"),
      (-1, "-:--"), (.infinity, "-:--"), (.nan, "-:--"), (360_000, "100:00:00"),
    ] as [(Double, String)])
  func clock(seconds: Double, text: String) {
    #expect(NumberText.clock(seconds: seconds) == text)
  }

  @Test("rates, percentages and counts are shown")
  func ratesPercentsAndCounts() {
    #expect(NumberText.rate(99.94) == "99.9")
    #expect(NumberText.rate(12345.6) == "12,346")
    #expect(NumberText.rate(.nan) == "nan")
    #expect(NumberText.rate(1e18).hasPrefix("1e"))
    #expect(NumberText.percent(0.97222) == "97.22%")
    #expect(NumberText.count(1, "step") == "1 step")
    #expect(NumberText.count(1000, "step") == "1,000 steps")
  }

  @Test("table columns align")
  func tablesAlign() {
    var table = TextTable([.left, .right, .left])
    table.add("ab", "1")
    table.addRule()
    table.add("ä×c", "100", "x")
    table.add()
    table.addRule()
    #expect(table.lines(indentation: 1) == [" ab     1", " ───────────", " ä×c  100  x", "", " ───────────"])
    #expect(TextTable([]).lines() == [])
  }
}

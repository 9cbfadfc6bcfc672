import Storage
import Testing

@testable import Measuring
@testable import Pages

@Suite struct BenchmarkPageTests {
  private func point(_ workers: Int, rate: Double) -> ScalingPoint {
    ScalingPoint(
      workers: workers, batchSize: 64, medianImagesPerSecond: rate, bestImagesPerSecond: rate + 100,
      breakdown: StepBreakdown(compute: 60e6, imbalance: 0, barrier: 1e6, reduce: 1e6, update: 2e6))
  }

  private func elements(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let elements)? = value { elements } else { [] }
  }

  @Test("a page of scaling has the curves and every number of its table")
  func aPageOfScalingHasItsCurves() throws {
    let summary = ScalingSummary(
      name: "a<b", kernels: "avx2", shardSize: 16,
      strong: ScalingCurve.rated([point(1, rate: 1000), point(2, rate: 1400)]), weak: [], notes: ["a note"])
    let page = summary.page
    let charts = elements(page.data["charts"])
    #expect(charts.count == 2)
    let series = try #require(elements(charts[0]["series"]).first)
    #expect(series["x"] == .array([.number(1), .number(2)]) && series["y"] == .array([.number(1000), .number(1400)]))
    #expect(elements(elements(charts[1]["series"]).first?["y"]) == [.number(1), .number(0.7)])
    // Of weak scaling there is nothing, so that it has no curve and no table.
    #expect(elements(charts[0]["series"]).count == 1)
    let tables = elements(page.data["tables"])
    #expect(tables.count == 1)
    let rows = elements(tables[0]["rows"])
    #expect(rows.count == 2 && elements(rows[1]).contains(.string("70.00%")))
    #expect(rows.allSatisfy { elements($0).count == elements(tables[0]["columns"]).count })
    #expect(elements(page.data["notes"]) == [.string("a note")])
    #expect(page.html.contains("<title>a&lt;b: speed over workers"))
  }

  @Test("bars are shares of the longest")
  func barsAreSharesOfTheLongest() throws {
    let page = AllReduceSummary(
      workers: 2, nodes: 1, kernels: "avx2", copyGigabytesPerSecond: 10, barrierNanoseconds: 200,
      rows: [
        .init(parameters: 1000, microseconds: 1, bytes: 20_000, copyMicroseconds: 1),
        .init(parameters: 2000, microseconds: 1, bytes: 5_000, copyMicroseconds: 1),
      ]
    ).page
    let rows = elements(elements(page.data["bars"]).first?["rows"]).map { elements($0) }
    #expect(rows.map { $0[0] } == [.string("1,000"), .string("2,000"), .string("copying")])
    #expect(rows.map { $0[1] } == [.number(1), .number(0.25), .number(0.5)])
    #expect(elements(page.data["charts"]).isEmpty)
  }
}

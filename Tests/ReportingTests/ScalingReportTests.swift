import Configuration
import Foundation
import Testing

@testable import Reporting
@testable import Training

@Suite struct ScalingReportTests {
  private let summary: ScalingSummary = ScalingSummary(
    name: "a<b", kernels: "avx2", shardSize: 16,
    strong: ScalingCurve.rated([
      ScalingPoint(
        workers: 1, batchSize: 64, medianImagesPerSecond: 1000, bestImagesPerSecond: 1100,
        breakdown: StepBreakdown(compute: 60e6, imbalance: 0, barrier: 1e6, reduce: 1e6, update: 2e6)),
      ScalingPoint(
        workers: 2, batchSize: 64, medianImagesPerSecond: 1400, bestImagesPerSecond: 1500,
        breakdown: StepBreakdown(compute: 30e6, imbalance: 10e6, barrier: 1e6, reduce: 2e6, update: 2.5e6)),
    ]), weak: [], notes: ["a note"])

  @Test func theObjectHasTheDocumentedKeys() throws {
    let object: [String: Any] = try #require(
      try JSONSerialization.jsonObject(with: Data(summary.json.compactText.utf8)) as? [String: Any])
    let points: [[String: Any]] = try #require(object["points"] as? [[String: Any]])
    #expect(points.count == 2)
    #expect(points[1]["workers"] as? Int == 2)
    #expect((points[1]["images_per_second"] as? [String: Double]) == ["median": 1400, "best": 1500])
    #expect(points[1]["efficiency"] as? Double == 0.7)
    #expect(
      (points[1]["breakdown_ms"] as? [String: Double])
        == ["compute": 30, "imbalance": 10, "barrier": 1, "reduce": 2, "update": 2.5])
    #expect(object["knee"] as? Int == 1)
  }

  @Test func theLinesNameTheKneeAndTheNotes() {
    #expect(summary.lines.contains { $0.hasPrefix("knee: 1 worker;") })
    #expect(summary.lines.contains("note: a note"))
    #expect(summary.lines.contains { $0.contains("70.00%") && $0.contains("30.000") })
  }

  @Test func theChartDrawsEveryPartOfEveryPoint() {
    let svg: String = ScalingChart.svg(summary)
    #expect(svg.contains("a&lt;b: speed-up"))
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    let rectangles: Int = svg.components(separatedBy: "<rect").count - 1
    #expect(rectangles == 1 + 2 * 5)
    let empty: ScalingSummary = ScalingSummary(
      name: "", kernels: "", shardSize: 1, strong: [], weak: [], notes: [])
    #expect(!ScalingChart.svg(empty).contains("nan"))
  }

  @Test func predictionsShowTheirErrorAndAssumptions() {
    var predicted: ScalingSummary = summary
    predicted.prediction = ScalingPrediction(
      target: TargetTopology(nodes: 2, coresPerNode: 4), costs: ScalingCosts(),
      points: [
        .init(
          workers: 8, nodes: 2, batchSize: 128, design: .threePhase, imagesPerSecond: 5000, efficiency: 0.93,
          breakdown: StepBreakdown())
      ],
      checks: [.init(kind: "weak", workers: 2, batchSize: 64, measured: 1000, predicted: 1050)])
    let text: String = predicted.lines.joined(separator: "\n")
    #expect(text.contains("predicted for 2x4"))
    #expect(text.contains("5.00%") && text.contains("93.00%") && text.contains("assumed: 100 GB/s a node"))
    #expect(predicted.json.compactText.contains(#""all_reduce":"three_phase""#))
  }

  @Test func allReduceAndTuningAnswerInJSON() {
    let reduction: AllReduceSummary = AllReduceSummary(
      workers: 2, nodes: 1, kernels: "avx2", copyGigabytesPerSecond: 24.576, barrierNanoseconds: 300,
      rows: [.init(parameters: 1024, microseconds: 2, bytes: 24576, copyMicroseconds: 1)])
    #expect(
      reduction.json.compactText
        == #"{"workers":2,"nodes":1,"kernels":"avx2","copy_gb_per_second":24.576,"barrier_ns":300,"sizes":[{"parameters":1024,"us":2,"#
        + #""bytes":24576,"gb_per_second":12.288,"share_of_bandwidth":0.5,"copy_us":1,"share_of_copy":0.5}]}"#)
    let runtime: RuntimeConfiguration = RuntimeConfiguration(
      workers: .count(2), shardSize: 16, policy: .close, nodes: nil, useSMT: false)
    let trial: TuningTrial = TuningTrial(
      runtime: runtime, workers: 2, imagesPerSecond: 12345, range: 12000...12600)
    let tuning: TuningSummary = TuningSummary(trials: [trial], best: trial)
    #expect(
      tuning.json.compactText.hasPrefix(#"{"runtime":{"workers":2,"shard_size":16,"placement":{"policy":"close""#))
    #expect(TuningText.line(trial) == "2 workers, close: 12,345 images/s (12,000–12,600)")
    #expect(tuning.lines.contains { $0.hasSuffix("  12,000–12,600  chosen") })
    #expect(tuning.json.compactText.contains(#""uncertain":false,"doubts":[]"#))
    #expect(tuning.json.compactText.hasSuffix(#""images_per_second":12345,"range":[12000,12600]}]}"#))
    let doubtful: TuningSummary = TuningSummary(trials: [trial], best: trial, doubts: ["a reason"])
    #expect(
      doubtful.lines.contains { $0.hasSuffix("chosen, uncertain") } && doubtful.lines.contains("uncertain: a reason"))
    #expect(doubtful.json.compactText.contains(#""uncertain":true,"doubts":["a reason"]"#))
  }
}

import Configuration
import Foundation
import Testing

@testable import Measuring
@testable import Reporting

@Suite struct ScalingReportTests {
  private let summary = ScalingSummary(
    name: "a<b", kernels: "avx2", shardSize: 16,
    strong: ScalingCurve.rated([
      ScalingPoint(
        workers: 1, batchSize: 64, medianImagesPerSecond: 1000, bestImagesPerSecond: 1100,
        breakdown: StepBreakdown(compute: 60e6, imbalance: 0, barrier: 1e6, reduce: 1e6, update: 2e6)),
      ScalingPoint(
        workers: 2, batchSize: 64, medianImagesPerSecond: 1400, bestImagesPerSecond: 1500, range: 1300...1450,
        breakdown: StepBreakdown(
          compute: 30e6, meetings: 4e6, imbalance: 10e6, barrier: 1e6, reduce: 2e6, update: 2.5e6)),
    ]), weak: [], notes: ["a note"])

  @Test("the object has the documented keys")
  func theObjectHasTheDocumentedKeys() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(summary.json.compactText.utf8)) as? [String: Any])
    let points: [[String: Any]] = try #require(object["points"] as? [[String: Any]])
    #expect(points.count == 2)
    #expect(points[1]["workers"] as? Int == 2)
    #expect(
      (points[1]["images_per_second"] as? [String: Double]) == [
        "median": 1400, "best": 1500, "low": 1300, "high": 1450,
      ])
    #expect(points[1]["efficiency"] as? Double == 0.7)
    #expect(
      (points[1]["breakdown_ms"] as? [String: Double])
        == ["compute": 30, "meetings": 4, "imbalance": 10, "barrier": 1, "exchange": 0, "reduce": 2, "update": 2.5])
    #expect(object["knee"] as? Int == 1)
  }

  @Test("the lines name the knee and the notes")
  func theLinesNameTheKneeAndTheNotes() {
    #expect(summary.lines.contains { $0.hasPrefix("knee: 1 worker;") })
    #expect(summary.lines.contains("note: a note"))
    #expect(summary.lines.contains { $0.contains("70.00%") && $0.contains("1,400") })
    #expect(summary.lines.contains { $0.contains("30.000") && $0.contains("4.000") })
    // Nets without meetings need no word about them.
    #expect(summary.lines.contains { $0.hasPrefix("meetings: ") })
    var chain = summary
    for point in chain.strong.indices { chain.strong[point].breakdown.meetings = 0 }
    #expect(!chain.lines.contains { $0.hasPrefix("meetings: ") })
  }

  @Test("the chart draws every part of every point")
  func theChartDrawsEveryPartOfEveryPoint() {
    let svg = ScalingChart.svg(summary)
    #expect(svg.contains("a&lt;b: speed-up"))
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    #expect(elements(svg, "<title>").count == 2 * 6)
    #expect(svg.contains("meetings 8.08%"), "4 of 49.5 ms")
    let empty = ScalingSummary(
      name: "", kernels: "", shardSize: 1, strong: [], weak: [], notes: [])
    #expect(!ScalingChart.svg(empty).contains("nan"))
  }

  /// The elements of an image that hold `mark`.
  private func elements(_ svg: String, _ mark: String) -> [String] {
    svg.split(separator: "\n").map(String.init).filter { $0.contains(mark) }
  }

  /// `name="12.5"` in an element.
  private func value(_ element: String, _ name: String) -> Double? {
    element.components(separatedBy: "\(name)=\"").dropFirst().first.flatMap { Double($0.prefix { $0 != "\"" }) }
  }

  @Test("labels of many counts do not touch")
  func labelsOfManyCountsDoNotTouch() {
    var many = summary
    many.strong = ScalingCurve.rated(
      (1...40).map {
        ScalingPoint(
          workers: $0 * 5, batchSize: 64, medianImagesPerSecond: Double($0) * 1000, bestImagesPerSecond: 1e5,
          breakdown: StepBreakdown(compute: 1, imbalance: 0, barrier: 0, reduce: 0, update: 0))
      })
    // The numbers below both plots, of two or three characters of some seven units.
    let labels: [Double] = elements(ScalingChart.svg(many), "y=\"362.0\"").compactMap { value($0, "x") }.sorted()
    #expect(labels.count > 10 && labels.count < 40)
    for (left, right) in zip(labels, labels.dropFirst()) { #expect(right - left > 17) }
  }

  /// Equal series can be told apart, the legend is above the plots, and every point shows its range.
  @Test("series, legend and ranges can be seen")
  func seriesLegendAndRangesCanBeSeen() throws {
    var equal = summary
    equal.weak = equal.strong
    let svg = ScalingChart.svg(equal)
    let curves = elements(svg, "<polyline")
    #expect(curves.count == 2 && !curves[0].contains("dasharray") && curves[1].contains("dasharray"))
    let legend: [Double] = (elements(svg, "strong: ") + elements(svg, "weak: ")).compactMap { value($0, "y") }
    let knee = elements(svg, "stroke=\"#999\"")
    #expect(legend.count == 2 && knee.count == 1)
    for y in legend { #expect(y < min(value(knee[0], "y1") ?? 0, value(knee[0], "y2") ?? 0) - 10) }
    // Of 1300 to 1450 images/s where one worker reaches 1000: 0.15 of a plot of 270 for two workers.
    let bars: [Double] = elements(svg, "stroke=\"#c2255c\"").filter { $0.hasPrefix("<line") }.compactMap {
      guard let top: Double = value($0, "y1"), let bottom: Double = value($0, "y2") else { return nil }
      return bottom - top
    }
    #expect(bars.contains { abs($0.magnitude - 0.15 * 270 / 2) < 0.2 }, "\(bars)")
  }

  /// Lists as if there were room for all of them in one line.
  private func unbroken(_ lines: [String]) -> String {
    lines.joined(separator: "\n").replacing(",\n  ", with: ", ")
  }

  @Test("predictions show their error and assumptions")
  func predictionsShowTheirErrorAndAssumptions() {
    var predicted = summary
    predicted.prediction = ScalingPrediction(
      target: TargetTopology(nodes: 2, coresPerNode: 4), costs: ScalingCosts(),
      points: [
        .init(
          workers: 8, nodes: 2, batchSize: 128, design: .threePhase, imagesPerSecond: 5000, efficiency: 0.93,
          breakdown: StepBreakdown())
      ],
      checks: [.init(kind: "weak", workers: 2, batchSize: 64, measured: 1000, predicted: 1050)])
    let text = unbroken(predicted.lines)
    #expect(text.contains("predicted for 2x4"))
    #expect(text.contains("5.00%") && text.contains("93.00%") && text.contains("assumed: 100 GB/s a node"))
    #expect(predicted.json.compactText.contains(#""all_reduce":"three_phase""#))
    // One worker alone says nothing about several.
    #expect(!text.components(separatedBy: "assumed: ")[0].contains("contention"))
    #expect(text.contains("contention 1.000, barrier 0 ns a worker, as no two workers were measured"))
    #expect(predicted.json.compactText.contains(#""contention":1,"contention_measured":false"#))
    predicted.prediction?.costs.measuredWorkers = 2
    predicted.prediction?.costs.measuresContention = true
    predicted.prediction?.costs.segments = [.init(share: 0.25, jitter: 0.01), .init(share: 0.75, jitter: 0.02)]
    let measured = unbroken(predicted.lines)
    for line in predicted.lines { #expect(line.count <= 80, "\(line)") }
    #expect(measured.contains("measured: contention 1.000, jitter ") && measured.contains("GB/s 2 workers"))
    #expect(measured.contains("2 segments of compute with jitter up to 2.00%"))
    #expect(
      predicted.json.compactText.contains(#""segments":[{"share":0.25,"jitter":0.01},{"share":0.75,"jitter":0.02}]"#))
    #expect(
      measured.hasSuffix("assumed: 100 GB/s a node, 20 GB/s between nodes, 2 MiB of the last cache a core"))
  }

  @Test("predictions of hosts show them, and what waits for their links")
  func predictionsOfHosts() {
    var predicted = summary
    predicted.prediction = ScalingPrediction(
      target: TargetTopology(hosts: 2, nodes: 1, coresPerNode: 4, gigabits: 25), costs: ScalingCosts(),
      points: [
        .init(
          workers: 4, nodes: 1, batchSize: 64, design: .threePhase, imagesPerSecond: 2600, efficiency: 0.95,
          breakdown: StepBreakdown(compute: 1e6)),
        .init(
          workers: 8, hosts: 2, nodes: 2, batchSize: 128, design: .threePhase, imagesPerSecond: 5000, efficiency: 0.93,
          breakdown: StepBreakdown(compute: 1e6, exchange: 2e6)),
      ], checks: [])
    let text = unbroken(predicted.lines)
    #expect(text.contains("predicted for 2x(1x4)@25Gb (hosts x (nodes x cores) @ link)"))
    #expect(text.contains("hosts") && text.contains("exchange") && text.contains("2.000"))
    #expect(text.contains("2 hosts against 2 times one host: 96.15%"))
    #expect(text.contains("90.00% of the link between hosts, 30 µs an exchange, none overlapped"))
    #expect(predicted.json.compactText.contains(#""host_efficiency":0.9615"#))
  }

  @Test("the all-reduce and the tuner print JSON")
  func allReduceAndTuningAnswerInJSON() {
    let reduction = AllReduceSummary(
      workers: 2, nodes: 1, kernels: "avx2", copyGigabytesPerSecond: 24.576, barrierNanoseconds: 300,
      rows: [.init(parameters: 1024, microseconds: 2, bytes: 24576, copyMicroseconds: 1)])
    #expect(
      reduction.json.compactText
        == #"{"workers":2,"nodes":1,"kernels":"avx2","copy_gb_per_second":24.576,"barrier_ns":300,"sizes":[{"parameters":1024,"us":2,"#
        + #""bytes":24576,"gb_per_second":12.288,"share_of_bandwidth":0.5,"copy_us":1,"share_of_copy":0.5}]}"#)
    let runtime = RuntimeConfiguration(
      workers: .count(2), shardSize: 16, policy: .close, nodes: nil, useSMT: false)
    let trial = TuningTrial(
      runtime: runtime, workers: 2, imagesPerSecond: 12345, range: 12000...12600)
    let tuning = TuningSummary(trials: [trial], best: trial)
    #expect(
      tuning.json.compactText.hasPrefix(#"{"runtime":{"workers":2,"shard_size":16,"placement":{"policy":"close""#))
    #expect(TuningText.line(trial) == "2 workers, close: 12,345 images/s (12,000–12,600)")
    #expect(tuning.lines.contains { $0.hasSuffix("  12,000–12,600  chosen") })
    #expect(tuning.json.compactText.contains(#""uncertain":false,"doubts":[]"#))
    #expect(tuning.json.compactText.hasSuffix(#""images_per_second":12345,"range":[12000,12600]}]}"#))
    let doubtful = TuningSummary(trials: [trial], best: trial, doubts: ["a reason"])
    #expect(
      doubtful.lines.contains { $0.hasSuffix("chosen, uncertain") } && doubtful.lines.contains("uncertain: a reason"))
    #expect(doubtful.json.compactText.contains(#""uncertain":true,"doubts":["a reason"]"#))
  }
}

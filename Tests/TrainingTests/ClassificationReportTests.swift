import Randomness
import Testing

@testable import Training

@Suite struct ClassificationReportTests {
  private func report(_ classes: Int, _ examples: [(label: Int, probabilities: [Float])]) -> ClassificationReport {
    var report = ClassificationReport(classes: classes)
    for example in examples {
      example.probabilities.withUnsafeBufferPointer { report.add(label: example.label, probabilities: $0) }
    }
    return report
  }

  @Test("counts by class are those of the examples")
  func counts() {
    let report = report(
      3, [(0, [0.7, 0.2, 0.1]), (0, [0.3, 0.5, 0.2]), (1, [0.2, 0.6, 0.2]), (1, [0.5, 0.5, 0]), (1, [0, 1, 0])])
    #expect(report.confusion == [1, 1, 0, 1, 2, 0, 0, 0, 0])
    #expect(report.actual == [2, 3, 0] && report.predicted == [2, 3, 0] && report.hits == [1, 2, 0])
    #expect([report.precision(0), report.precision(1), report.precision(2)] == [0.5, 2.0 / 3, nil])
    #expect([report.recall(0), report.recall(1), report.recall(2)] == [0.5, 2.0 / 3, nil])
    #expect([report.f1(0), report.f1(1), report.f1(2)] == [0.5, 2.0 / 3, nil])
    #expect(report.topFiveAccuracy == nil)
  }

  @Test("precision and recall differ, F1 is their harmonic mean")
  func precisionAndRecall() throws {
    // Class 0: three examples, one found; predicted twice.
    let report = report(2, [(0, [1, 0]), (0, [0, 1]), (0, [0, 1]), (1, [1, 0])])
    #expect(report.precision(0) == 0.5 && report.recall(0) == 1.0 / 3)
    let (precision, recall) = (try #require(report.precision(0)), try #require(report.recall(0)))
    #expect(abs(try #require(report.f1(0)) - 2 * precision * recall / (precision + recall)) < 1e-15)
  }

  @Test("the five most probable classes count, equal ones by their number")
  func topFive() {
    let even = [Float](repeating: 0.1, count: 10)
    var last = even
    last[9] = 0.2
    #expect(report(10, (0..<10).map { ($0, even) }).topFiveAccuracy == 0.5)
    #expect(report(10, (0..<10).map { ($0, last) }).topFiveAccuracy == 0.5)
    #expect(report(10, [(9, last), (4, last), (3, last)]).topFiveAccuracy == 2.0 / 3)
  }

  @Test("the calibration error is that of its definition")
  func calibration() {
    let stream = RandomStream(seed: 3, purpose: .gradientCheck, stream: 0)
    let examples = (0..<500).map { n in
      let p = Float(stream.uniform(UInt64(2 * n)))
      return (label: Int(stream.below(2, index: UInt64(2 * n + 1))), probabilities: [p, 1 - p])
    }
    var expected = 0.0
    for bin in 0..<15 {
      let inside = examples.filter { example in
        let confidence = Double(max(example.probabilities[0], example.probabilities[1]))
        return confidence > Double(bin) / 15 && confidence <= Double(bin + 1) / 15
      }
      guard !inside.isEmpty else { continue }
      let hits = inside.count { $0.label == ($0.probabilities[0] >= $0.probabilities[1] ? 0 : 1) }
      let confidence = inside.reduce(0) { $0 + Double(max($1.probabilities[0], $1.probabilities[1])) }
      let n = Double(inside.count)
      expected += n / 500 * abs(Double(hits) / n - confidence / n)
    }
    #expect(abs(report(2, examples).expectedCalibrationError - expected) < 1e-12)
    #expect(report(2, [(0, [1, 0]), (1, [0, 1])]).expectedCalibrationError == 0)
    #expect(report(2, [(1, [1, 0])]).expectedCalibrationError == 1)
  }

  @Test("many classes have no matrix")
  func manyClasses() {
    #expect(ClassificationReport(classes: 1000).confusion?.count == 1_000_000)
    #expect(ClassificationReport(classes: 1001).confusion == nil)
  }
}

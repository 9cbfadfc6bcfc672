import Testing

@testable import Measuring

@Suite struct ScalingCurveTests {
  private func points(_ rates: [(Int, Double)]) -> [ScalingPoint] {
    rates.map {
      ScalingPoint(
        workers: $0.0, batchSize: 1, medianImagesPerSecond: $0.1, bestImagesPerSecond: $0.1, breakdown: StepBreakdown())
    }
  }

  @Test(
    "the knee is where a worker adds less than half",
    arguments: [
      ([], nil), ([(1, 10)], 1), ([(1, 10), (2, 20)], 2), ([(1, 10), (2, 15)], 2), ([(1, 10), (2, 14.9)], 1),
      ([(1, 10), (2, 19), (4, 34), (8, 40), (16, 80)], 4), ([(2, 20), (4, 40), (6, 41)], 4), ([(1, 10), (2, 5)], 1),
    ] as [([(Int, Double)], Int?)])
  func theKneeIsWhereAWorkerAddsLessThanHalf(rates: [(Int, Double)], knee: Int?) {
    #expect(ScalingCurve.knee(points(rates)) == knee)
  }

  @Test("efficiency is against the first point")
  func efficiencyIsAgainstTheFirstPoint() {
    let rated = ScalingCurve.rated(points([(2, 20), (4, 30)]))
    #expect(rated.map(\.speedUp) == [2, 3])
    #expect(rated.map(\.efficiency) == [1, 0.75])
    #expect(ScalingCurve.rated(points([(1, 0), (2, 0)])).map(\.efficiency) == [0, 0])
  }

  @Test("only a loss above noise gives a warning")
  func onlyALossAboveNoiseIsWarnedOf() {
    #expect(ScalingCurve.warnings(points([(1, 100), (2, 99)])).isEmpty)
    let warnings = ScalingCurve.warnings(points([(1, 10), (2, 20), (4, 15), (8, 30)]))
    #expect(warnings == ["4 workers are 25 % slower than 2: more workers cost time here"])
  }

  @Test("a batch of weak scaling has whole shards")
  func aWeakBatchIsWholeShards() {
    #expect(ScalingBenchmark.weakBatchPerWorker(batch: 128, shardSize: 16, workers: 2) == 64)
    #expect(ScalingBenchmark.weakBatchPerWorker(batch: 128, shardSize: 16, workers: 64) == 16)
    #expect(ScalingBenchmark.weakBatchPerWorker(batch: 100, shardSize: 16, workers: 3) == 48)
  }
}

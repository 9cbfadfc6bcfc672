import Diagnostics
import Network
import Testing

@testable import Measuring
@testable import Reporting
@testable import Training

@Suite struct SummaryTests {
  @Test("metrics lines have the documented keys")
  func metricsLinesHaveTheDocumentedKeys() {
    #expect(
      MetricsLine.step(exampleRecord())
        == #"{"kind":"step","epoch":3,"step":56,"steps":10,"loss":0.12345,"accuracy":0.97222,"val_loss":null,"#
        + #""val_accuracy":null,"val_top5_accuracy":null,"lr":0.05,"images_per_second":12345.6,"step_ms":5.25,"reduce_ms":0.5,"barrier_ms":0.25,"meetings_ms":0.125,"exchange_ms":0,"elapsed_s":12}"#
    )
    #expect(
      MetricsLine.epoch(
        EpochRecord(means: exampleRecord(loss: .nan), validationLoss: .infinity, validationAccuracy: 1))
        == #"{"kind":"epoch","epoch":3,"step":56,"steps":10,"loss":null,"accuracy":0.97222,"val_loss":null,"#
        + #""val_accuracy":1,"val_top5_accuracy":null,"lr":0.05,"images_per_second":12345.6,"step_ms":5.25,"reduce_ms":0.5,"barrier_ms":0.25,"meetings_ms":0.125,"exchange_ms":0,"elapsed_s":12}"#
    )
  }

  private func summary(interrupted: Bool, validation: Double?) -> TrainingSummary {
    TrainingSummary(
      epochs: 2, steps: 46, totalSteps: interrupted ? 460 : 46, loss: 0.1, validationLoss: validation,
      validationAccuracy: validation, imagesPerSecond: 1000.5, elapsedSeconds: 61.5, workers: 1,
      weightsDigest: "sha256:00", interrupted: interrupted)
  }

  @Test("the training summary is the documented object")
  func theTrainingSummaryIsTheDocumentedObject() {
    #expect(
      summary(interrupted: false, validation: 0.5).json.compactText
        == #"{"epochs":2,"steps":46,"total_steps":46,"loss":0.1,"val_loss":0.5,"val_accuracy":0.5,"#
        + #""images_per_second":1000.5,"elapsed_s":61.5,"workers":1,"weights_digest":"sha256:00"}"#)
    #expect(
      summary(interrupted: true, validation: nil).json.compactText
        == #"{"epochs":2,"steps":46,"total_steps":460,"loss":0.1,"val_loss":null,"val_accuracy":null,"#
        + #""images_per_second":1000.5,"elapsed_s":61.5,"workers":1,"weights_digest":"sha256:00","interrupted":true}"#)
    #expect(
      summary(interrupted: true, validation: 0.5).lines == [
        "trained       2 epochs, 46 of 460 steps in 1:02, 1,001 images/s on 1 worker, interrupted",
        "loss          0.1000", "val_loss      0.5000", "val_accuracy  50.00%", "weights       sha256:00",
      ])
  }

  @Test("a finished run counts its steps")
  func aFinishedRunCountsItsSteps() {
    #expect(
      summary(interrupted: false, validation: nil).lines.first
        == "trained  2 epochs, 46 steps in 1:02, 1,001 images/s on 1 worker")
  }

  @Test("the other summaries are the documented objects")
  func theOtherSummariesAreTheDocumentedObjects() {
    #expect(
      EvaluationSummary(loss: 0.25, accuracy: 0.75, examples: 360).json.compactText
        == #"{"loss":0.25,"accuracy":0.75,"examples":360}"#)
    #expect(
      EvaluationSummary(loss: 0.25, accuracy: 0.75, examples: 360).lines
        == ["loss 0.2500  accuracy 75.00%  360 examples"])
    let folded = EvaluationSummary(
      loss: 0.25, accuracy: 0.75, examples: 360, norms: FoldedNorms.Count(folded: 1, all: 1))
    #expect(folded.json.compactText == #"{"loss":0.25,"accuracy":0.75,"examples":360,"folded_norms":1}"#)
    #expect(folded.lines.last == "1 of 1 norm computed in the layers before them")
    let throughput = ThroughputSummary(
      medianImagesPerSecond: 1000, bestImagesPerSecond: 1100.5, medianStepMilliseconds: 12.8, workers: 2,
      batchSize: 128)
    #expect(
      throughput.json.compactText
        == #"{"images_per_second":{"median":1000,"best":1100.5},"step_ms":{"median":12.8},"workers":2,"#
        + #""batch_size":128}"#)
    var training = throughput
    training.loadingMicroseconds = 4
    #expect(
      training.json.compactText.hasSuffix(
        #""batch_size":128,"loading":{"us_per_image":4,"share":0.02}}"#), "\(training.json.compactText)")
    #expect(training.lines.last == "loading     4.0 µs an image, 2.00% of a step")
    var inference = throughput
    inference.norms = FoldedNorms.Count(folded: 19, all: 21)
    #expect(
      inference.json.compactText
        == #"{"images_per_second":{"median":1000,"best":1100.5},"step_ms":{"median":12.8},"workers":2,"#
        + #""batch_size":128,"folded_norms":19}"#)
    #expect(inference.lines.contains("batch       12.800 ms median"))
    #expect(inference.lines.last == "norms       19 of 21 computed in the layers before them")
    #expect(throughput.lines.first == "images/s    1,000 median, 1,101 best")
    var ofRanks = throughput
    var sums = ExchangeTally(name: "sums")
    (sums.count, sums.bytesSent, sums.nanoseconds) = (4, 4 << 20, 6_000_000)
    (ofRanks.ranks, ofRanks.exchanged) = (2, [sums])
    #expect(
      ofRanks.json.compactText.hasSuffix(
        #""ranks":2,"exchanges":{"sums":{"count":4,"mean_ms":1.5,"mean_bytes_sent":1048576}}}"#))
    #expect(ofRanks.lines.suffix(2) == ["ranks       2", "sums        1.50 ms an exchange, 1 MiB sent by rank 0"])
  }

  @Test("gradient checks name what failed")
  func gradientChecksNameWhatFailed() {
    func row(_ error: Double, skipped: Int = 0) -> GradientCheckRow {
      GradientCheckRow(
        layer: "conv2d_1", tensor: "weight", elements: 1440, checked: 256, skipped: skipped, worstError: error,
        tolerance: 1e-3)
    }
    #expect(GradientCheckSummary(rows: [row(1e-3)]).passed)
    let failed = GradientCheckSummary(rows: [row(9.97e-6), row(0.25), row(.nan)])
    #expect(!failed.passed)
    #expect(
      failed.lines == [
        "layer     tensor  elements  checked  worst error  tolerance",
        "───────────────────────────────────────────────────────────────────",
        "conv2d_1  weight     1,440      256      1.0e-05    1.0e-03  ok",
        "conv2d_1  weight     1,440      256      2.5e-01    1.0e-03  FAILED",
        "conv2d_1  weight     1,440      256          nan    1.0e-03  FAILED",
      ])
    #expect(failed.json.compactText.hasPrefix(#"{"passed":false,"rows":[{"layer":"conv2d_1","tensor":"weight","#))
    let skipping = GradientCheckSummary(rows: [row(0, skipped: 2), row(0), row(0, skipped: 1)])
    #expect(skipping.passed)
    #expect(skipping.lines.last?.hasPrefix("3 elements skipped: the loss has a kink there") == true)
    #expect(skipping.json.compactText.contains(#""checked":256,"skipped":2,"#))
  }

  @Test("predictions name the first largest class")
  func predictionsNameTheFirstLargestClass() {
    #expect(
      PredictionLine().text(index: 3, probabilities: [0.1, 0.45, 0.45, 1e-9])
        == #"{"index":3,"class":1,"probabilities":[0.1,0.45,0.45,1e-09]}"#)
    #expect(
      PredictionLine().text(index: 0, probabilities: [.nan, 1]) == #"{"index":0,"class":1,"probabilities":[null,1]}"#)
    #expect(PredictionLine().text(index: 0, probabilities: []) == #"{"index":0,"class":0,"probabilities":[]}"#)
  }
}

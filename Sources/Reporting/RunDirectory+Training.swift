import Diagnostics
import Runs
import Storage
import Training

extension RunDirectory {
  /// Writes what the event calls for: a line of `ledger.jsonl` or `metrics.jsonl`, or a checkpoint.
  package func record(_ event: TrainingEvent) throws(UserError) {
    if let line = MetricsLine.object(event) { try append(line.compactText) }
    if case .ledger(let entry) = event { try append(entry) }
    if case .checkpoint(let checkpoint) = event { try keep(checkpoint) }
  }

  /// Writes the weights, with a ledger the receipt, and the summary; all are whole or not there.
  ///
  /// - Returns: the summary with the names of the newest and the best checkpoint.
  @discardableResult
  package func finish(
    weights: [NamedTensor], summary: TrainingSummary, classNames: [String]? = nil
  ) throws(UserError) -> TrainingSummary {
    var summary = summary
    var metrics = ["loss": summary.loss]
    metrics["val_loss"] = summary.validationLoss
    metrics["val_accuracy"] = summary.validationAccuracy
    metrics["val_top5_accuracy"] = summary.validationTopFive
    try finish(weights: weights, digest: summary.weightsDigest, metrics: metrics, classNames: classNames) {
      newest, best in
      (summary.newestCheckpoint, summary.bestCheckpoint) = (newest, best)
      return summary.json.compactText + "\n"
    }
    return summary
  }
}

import Configuration
import Diagnostics

extension TrainingConfiguration {
  /// Refuses rules that watch a metric which the run does not have.
  ///
  /// - Throws: `UserError(.badConfiguration)` about the rule's key.
  func requireMetrics(hasTestSet: Bool, classes: Int) throws(UserError) {
    var watched: [(path: String, metric: Metric)] = []
    if learningRateSchedule.kind == .plateau {
      watched.append(("training.lr_schedule.monitor", learningRateSchedule.monitor))
    }
    if let earlyStopping { watched.append(("training.early_stopping.monitor", earlyStopping.monitor)) }
    if let stopAt { watched.append(("training.stop_at.metric", stopAt.metric)) }
    for (path, metric) in watched {
      if metric.needsTestSet, !hasTestSet {
        throw UserError(
          .badConfiguration, path,
          "found \"\(metric.rawValue)\", but there is no test set; allowed: \"loss\" or \"accuracy\"",
          hint: "or give data.test")
      }
      if metric == .validationTopFive, classes < 10 {
        throw UserError(
          .badConfiguration, path,
          "found \"\(metric.rawValue)\", but the network has \(classes) classes; allowed from 10 classes on")
      }
    }
  }
}

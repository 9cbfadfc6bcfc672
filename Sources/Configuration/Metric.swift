/// A number that tells how well an epoch went, as keys and `metrics.jsonl` call it.
package enum Metric: String, Hashable, Sendable, CaseIterable {
  case loss, accuracy
  case validationLoss = "val_loss"
  case validationAccuracy = "val_accuracy"
  case validationTopFive = "val_top5_accuracy"

  package var isBetterLower: Bool {
    switch self {
    case .loss, .validationLoss: true
    case .accuracy, .validationAccuracy, .validationTopFive: false
    }
  }

  /// Whether it comes from the test set.
  package var needsTestSet: Bool {
    switch self {
    case .loss, .accuracy: false
    case .validationLoss, .validationAccuracy, .validationTopFive: true
    }
  }

  /// Whether `value` is better than `other` by more than `margin`; a NaN is not.
  package func isBetter(_ value: Double, than other: Double, by margin: Double = 0) -> Bool {
    isBetterLower ? value < other - margin : value > other + margin
  }
}

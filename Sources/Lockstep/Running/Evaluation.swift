internal import Training

/// How well a net with its weights does on a data set.
public struct Evaluation: Sendable, Hashable {
  /// Mean cross-entropy in nats, summed in one fixed tree over shards.
  public let loss: Double
  /// The share of the examples that are classified right, 0 to 1.
  public let accuracy: Double
  /// Examples of the data set.
  public let examples: Int
  /// The share of the examples whose class is among the five most probable; `nil` for fewer than ten classes.
  public let topFiveAccuracy: Double?
  /// Results by class, in the order of the classes.
  public let classes: [ClassResult]
  /// Examples by class and prediction, [classes, classes], row-major; `nil` for more than 1000 classes.
  public let confusion: [Int]?

  /// How well a net does on the examples of one class.
  public struct ClassResult: Sendable, Hashable {
    /// What the class is called; `nil` if the data does not say.
    public let name: String?
    /// Examples of the class.
    public let examples: Int
    /// The share of the predictions of the class that are right; `nil` if it was never predicted.
    public let precision: Double?
    /// The share of the class's examples that are found; `nil` if there are none.
    public let recall: Double?
  }

  init(_ summary: EvaluationSummary, _ report: ClassificationReport, classNames: [String]?) {
    (loss, accuracy, examples) = (summary.loss, summary.accuracy, summary.examples)
    (topFiveAccuracy, confusion) = (report.topFiveAccuracy, report.confusion)
    classes = (0..<report.classes).map { k in
      ClassResult(
        name: classNames.flatMap { k < $0.count ? $0[k] : nil }, examples: report.actual[k],
        precision: report.precision(k), recall: report.recall(k))
    }
  }
}

/// What a net says about one image.
public struct Prediction: Sendable, Hashable {
  /// The file of the image, if it has one of its own.
  public let file: String?
  /// The most probable class, the first of equals.
  public let classIndex: Int
  /// What that class is called; `nil` if weights and data do not say.
  public let className: String?
  /// One probability for each class, in their order; their sum is 1 but for rounding.
  public let probabilities: [Float]
}

/// Which classes were predicted for which, and with what confidence: counted over an evaluation, in the examples' order.
///
/// The order is the data set's whatever the number of workers, so all numbers are the same bits for any.
package struct ClassificationReport: Sendable, Hashable {
  package let classes: Int
  package private(set) var examples = 0
  /// For each class: its examples, examples that it was predicted for, and examples that are both.
  package private(set) var actual: [Int]
  package private(set) var predicted: [Int]
  package private(set) var hits: [Int]
  /// [actual, predicted], examples; `nil` for more than `mostConfused` classes, whose square would be too large.
  package private(set) var confusion: [Int]?
  private var topFiveHits = 0
  private var bins = [Bin](repeating: Bin(), count: 15)

  /// Examples of similar confidence, the largest probability: from k/15, excluded, to (k + 1)/15.
  private struct Bin: Hashable {
    var confidence = 0.0
    var hits = 0
  }

  package static let mostConfused = 1000

  package init(classes: Int) {
    self.classes = classes
    (actual, predicted) = ([Int](repeating: 0, count: classes), [Int](repeating: 0, count: classes))
    hits = actual
    confusion = classes <= Self.mostConfused ? [Int](repeating: 0, count: classes * classes) : nil
  }

  /// Counts an example of class `label` with these probabilities, one a class; the prediction is the first of the largest.
  package mutating func add(label: Int, probabilities: UnsafeBufferPointer<Float>) {
    precondition(probabilities.count == classes && (0..<classes).contains(label), "An example of another network.")
    var best = 0
    /// Classes that come before the label by their probability, equal ones by their number.
    var before = 0
    for k in 0..<classes {
      if probabilities[k] > probabilities[best] { best = k }
      if probabilities[k] > probabilities[label] || probabilities[k] == probabilities[label] && k < label {
        before += 1
      }
    }
    examples += 1
    actual[label] += 1
    predicted[best] += 1
    confusion?[label * classes + best] += 1
    if before < 5 { topFiveHits += 1 }
    let confidence = Double(probabilities[best])
    let bin = max(0, min(bins.count - 1, Int((confidence * Double(bins.count)).rounded(.up)) - 1))
    bins[bin].confidence += confidence
    if best == label {
      hits[label] += 1
      bins[bin].hits += 1
    }
  }

  /// The share of examples whose class is among the five most probable; `nil` for fewer than ten classes.
  package var topFiveAccuracy: Double? {
    classes < 10 ? nil : Double(topFiveHits) / Double(examples)
  }

  /// The mean difference of confidence and accuracy, over 15 bins of confidence, each by its share of the examples.
  ///
  /// Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017.
  package var expectedCalibrationError: Double {
    bins.reduce(0) { $0 + abs(Double($1.hits) - $1.confidence) } / Double(examples)
  }

  /// Hits among the predictions of a class; `nil` if it was never predicted.
  package func precision(_ k: Int) -> Double? { Self.share(hits[k], of: predicted[k]) }

  /// Hits among the examples of a class; `nil` if there is none.
  package func recall(_ k: Int) -> Double? { Self.share(hits[k], of: actual[k]) }

  /// The harmonic mean of both: 2·hits / (examples + predictions); `nil` if there is neither.
  package func f1(_ k: Int) -> Double? { Self.share(2 * hits[k], of: actual[k] + predicted[k]) }

  private static func share(_ part: Int, of whole: Int) -> Double? {
    whole == 0 ? nil : Double(part) / Double(whole)
  }
}

import Datasets
import Diagnostics
import Storage
import Training

/// A run's weights on its test set: what is taken for what, and images that show it.
package struct RunEvaluation {
  private static let mostWrong = 18
  private static let mostRight = 12
  /// The most classes whose confusion matrix is kept whole, and the most mistakes that are listed.
  private static let mostConfused = 100
  private static let mostMistakes = 50

  private let report: ClassificationReport
  private let correct: Int
  private let wrong: [Shown]
  private let right: [Shown]
  private let data: ImageDataset

  private struct Shown {
    let index: Int
    let predicted: Int
    let confidence: Float
  }

  /// Evaluates `data` once.
  ///
  /// - Throws: as `Predictor.predict`.
  package init(_ data: ImageDataset, by predictor: Predictor) throws {
    var report = ClassificationReport(classes: predictor.classes)
    var (correct, wrong): (Int, [Shown]) = (0, [])
    // By class: the first that is right, so that there are several classes among them.
    var right: [Int: Shown] = [:]
    try predictor.predict(data, source: "data.test") { index, probabilities in
      let label = Int(data.labels[index])
      report.add(label: label, probabilities: probabilities)
      var best = 0
      for k in probabilities.indices where probabilities[k] > probabilities[best] { best = k }
      let shown = Shown(index: index, predicted: best, confidence: probabilities[best])
      if best == label {
        correct += 1
        if right[label] == nil { right[label] = shown }
      } else if wrong.count < Self.mostWrong || shown.confidence > (wrong.last?.confidence ?? 0) {
        let place = wrong.firstIndex { $0.confidence < shown.confidence } ?? wrong.count
        wrong.insert(shown, at: place)
        if wrong.count > Self.mostWrong { wrong.removeLast() }
      }
    }
    self.report = report
    self.correct = correct
    self.wrong = wrong
    self.right = right.sorted { $0.key < $1.key }.prefix(Self.mostRight).map(\.value)
    self.data = data
  }

  /// `evaluation` and `images` of `report.json`.
  var members: [JSONValue.Member] {
    [
      .init("evaluation", evaluation),
      .init(
        "images",
        .object([.init("wrong", .array(wrong.compactMap(json))), .init("right", .array(right.compactMap(json)))])),
    ]
  }

  private func json(_ shown: Shown) -> JSONValue? {
    DatasetPictures.test(
      shown.index, in: data, predicted: shown.predicted,
      confidence: ThinnedSeries.rounded(Double(shown.confidence), digits: 4))
  }

  private var evaluation: JSONValue {
    var members: [JSONValue.Member] = [
      .init("examples", .integer(report.examples)),
      .init("accuracy", .number(Double(correct) / Double(max(1, report.examples)))),
      .init("expected_calibration_error", .number(report.expectedCalibrationError)),
      .init(
        "classes",
        .array(
          (0..<report.classes).map { k in
            .object([
              .init("class", .integer(k)), .init("examples", .integer(report.actual[k])),
              .init("precision", .number(Self.short(report.precision(k)))),
              .init("recall", .number(Self.short(report.recall(k)))), .init("f1", .number(Self.short(report.f1(k)))),
            ])
          })),
    ]
    guard let confusion = report.confusion else { return .object(members) }
    let n = report.classes
    let mistakes = confusion.indices.filter { $0 / n != $0 % n && confusion[$0] > 0 }
      .sorted { (confusion[$1], $0) < (confusion[$0], $1) }.prefix(Self.mostMistakes)
    members.append(
      .init(
        "mistakes",
        .array(mistakes.map { .array([.integer($0 / n), .integer($0 % n), .integer(confusion[$0])]) })))
    if n <= Self.mostConfused {
      members.append(
        .init(
          "confusion", .array((0..<n).map { row in .array(confusion[row * n..<(row + 1) * n].map { .integer($0) }) })))
    }
    return .object(members)
  }

  private static func short(_ share: Double?) -> Double? { share.map { ThinnedSeries.rounded($0, digits: 5) } }
}

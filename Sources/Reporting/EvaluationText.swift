import Storage
import Training

extension EvaluationSummary: Summary {
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("loss", .number(loss)), .init("accuracy", .number(accuracy)), .init("examples", .integer(examples)),
    ]
    if norms.all > 0 { members.append(.init("folded_norms", .integer(norms.folded))) }
    guard let report else { return .object(members) }
    if let topFive = report.topFiveAccuracy { members.append(.init("top5_accuracy", .number(topFive))) }
    members.append(.init("expected_calibration_error", .number(report.expectedCalibrationError)))
    members.append(
      .init(
        "classes",
        .array(
          (0..<report.classes).map { k in
            var members: [JSONValue.Member] = [.init("class", .integer(k))]
            if let name = name(k) { members.append(.init("name", .string(name))) }
            members += [
              .init("examples", .integer(report.actual[k])), .init("predicted", .integer(report.predicted[k])),
              .init("precision", .number(report.precision(k))), .init("recall", .number(report.recall(k))),
              .init("f1", .number(report.f1(k))),
            ]
            return .object(members)
          })))
    if let confusion = report.confusion {
      let n = report.classes
      members.append(
        .init(
          "confusion", .array((0..<n).map { row in .array(confusion[row * n..<(row + 1) * n].map { .integer($0) }) })))
    }
    return .object(members)
  }

  package var lines: [String] {
    let first =
      "loss \(NumberText.fixed(loss, 4))  accuracy \(NumberText.percent(accuracy))  "
      + "\(NumberText.count(examples, "example"))"
    let folded =
      norms.all == 0
      ? [] : ["\(norms.folded) of \(NumberText.count(norms.all, "norm")) computed in the layers before them"]
    guard let report else { return [first] + folded }
    let topFive = report.topFiveAccuracy.map { "top-5 accuracy \(NumberText.percent($0))  " } ?? ""
    return [first, topFive + "expected calibration error \(NumberText.percent(report.expectedCalibrationError))"]
      + folded + [""]
      + classLines(report) + [""] + confusionLines(report)
  }

  /// The most classes that have a line each, and the most that have a column each.
  private static let mostRows = 100
  private static let mostColumns = 20

  private func classLines(_ report: ClassificationReport) -> [String] {
    func text(_ share: Double?) -> String { share.map { NumberText.percent($0) } ?? "-" }
    var table = TextTable([.left, .right, .right, .right, .right])
    table.add("class", "examples", "precision", "recall", "F1")
    table.addRule()
    // The worst first where there are too many, of those with examples.
    var shown = Array(0..<report.classes)
    if shown.count > Self.mostRows {
      let recalls = shown.compactMap { k in report.recall(k).map { (recall: $0, class: k) } }
      shown = recalls.sorted { ($0.recall, $0.class) < ($1.recall, $1.class) }.prefix(Self.mostRows / 5).map(\.class)
    }
    for k in shown {
      table.add(
        label(k), NumberText.grouped(report.actual[k]), text(report.precision(k)), text(report.recall(k)),
        text(report.f1(k)))
    }
    guard shown.count < report.classes else { return table.lines() }
    return table.lines() + ["the \(shown.count) classes with the lowest recall, of \(report.classes); --json has all"]
  }

  /// The matrix, or for many classes what is confused most often.
  private func confusionLines(_ report: ClassificationReport) -> [String] {
    guard let confusion = report.confusion else { return [] }
    let n = report.classes
    guard n > Self.mostColumns else {
      var table = TextTable([.left] + [TextTable.Alignment](repeating: .right, count: n))
      table.add(["predicted:"] + (0..<n).map { String($0) })
      table.addRule()
      for row in 0..<n { table.add([label(row)] + confusion[row * n..<(row + 1) * n].map { NumberText.grouped($0) }) }
      return table.lines()
    }
    let mistakes = confusion.indices.filter { $0 / n != $0 % n && confusion[$0] > 0 }
      .sorted { (confusion[$1], $0) < (confusion[$0], $1) }
    var table = TextTable([.right, .left, .left])
    table.add("times", "class", "predicted")
    table.addRule()
    for place in mistakes.prefix(10) {
      table.add(NumberText.grouped(confusion[place]), label(place / n), label(place % n))
    }
    return mistakes.isEmpty ? [] : table.lines()
  }

  private func name(_ k: Int) -> String? { classNames.flatMap { k < $0.count ? $0[k] : nil } }

  /// `3 cat`, or the number alone.
  private func label(_ k: Int) -> String { name(k).map { "\(k) \($0)" } ?? String(k) }
}

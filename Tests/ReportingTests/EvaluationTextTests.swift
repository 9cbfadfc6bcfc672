import Testing
import Training

@testable import Reporting

@Suite struct EvaluationTextTests {
  private func summary(classes: Int, names: [String]?, _ examples: [(label: Int, predicted: Int)]) -> EvaluationSummary
  {
    var report = ClassificationReport(classes: classes)
    for example in examples {
      var row = [Float](repeating: 0, count: classes)
      row[example.predicted] = 1
      row.withUnsafeBufferPointer { report.add(label: example.label, probabilities: $0) }
    }
    var summary = EvaluationSummary(loss: 0.5, accuracy: 0.75, examples: examples.count, report: report)
    summary.classNames = names
    return summary
  }

  @Test("numbers by class and the matrix, with names")
  func few() {
    let summary = summary(classes: 2, names: ["cat", "dog"], [(0, 0), (0, 0), (0, 1), (1, 1)])
    #expect(
      summary.lines == [
        "loss 0.5000  accuracy 75.00%  4 examples", "expected calibration error 25.00%", "",
        "class  examples  precision   recall      F1", "───────────────────────────────────────────",
        "0 cat         3    100.00%   66.67%  80.00%", "1 dog         1     50.00%  100.00%  66.67%", "",
        "predicted:  0  1", "────────────────", "0 cat       2  1", "1 dog       0  1",
      ])
    #expect(
      summary.json.compactText
        == #"{"loss":0.5,"accuracy":0.75,"examples":4,"expected_calibration_error":0.25,"classes":["#
        + #"{"class":0,"name":"cat","examples":3,"predicted":2,"precision":1,"recall":0.6666666666666666,"f1":0.8},"#
        + #"{"class":1,"name":"dog","examples":1,"predicted":2,"precision":0.5,"recall":1,"f1":0.6666666666666666}],"#
        + #""confusion":[[2,1],[0,1]]}"#)
  }

  @Test("of many classes the worst and the most frequent mistakes")
  func many() {
    let examples = (0..<200).flatMap { k in [(k, k), (k, k == 150 ? 3 : k), (k, k % 50 == 0 ? 7 : k)] }
    let lines = summary(classes: 200, names: nil, examples).lines
    #expect(lines[1].hasPrefix("top-5 accuracy "))
    #expect(lines[5].hasPrefix("150    "))
    #expect(lines.contains("the 20 classes with the lowest recall, of 200; --json has all"))
    #expect(lines.last == "    1  150    7")
    #expect(lines.count == 3 + 2 + 20 + 1 + 1 + 2 + 5)
  }

  @Test("a class without examples has no recall")
  func missing() {
    let summary = summary(classes: 2, names: nil, [(0, 0)])
    #expect(
      summary.json.compactText.contains(
        #"{"class":1,"examples":0,"predicted":0,"precision":null,"recall":null,"f1":null}"#))
    #expect(summary.lines[6] == "1             0          -        -        -")
  }
}

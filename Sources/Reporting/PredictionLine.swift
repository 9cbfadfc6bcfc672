/// One line of `predict`.
package enum PredictionLine {
  /// `{"index":0,"class":7,"probabilities":[…]}`; the class is the first of the largest probabilities.
  package static func text(index: Int, probabilities: some Collection<Float>) -> String {
    var best: (position: Int, value: Float) = (0, -.infinity)
    for (position, value) in probabilities.enumerated() where value > best.value { best = (position, value) }
    let numbers: String = probabilities.map(shortest).joined(separator: ",")
    return "{\"index\":\(index),\"class\":\(best.position),\"probabilities\":[\(numbers)]}"
  }

  /// The shortest text that reads back as the same Float; `null` for what is not finite.
  private static func shortest(_ value: Float) -> String {
    guard value.isFinite else { return "null" }
    let text: String = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

import Storage

/// One line of `predict`.
package enum PredictionLine {
  /// `{"index":0,"class":7,"probabilities":[…]}`; the class is the first of the largest probabilities.
  package static func text(index: Int, probabilities: some Collection<Float>) -> String {
    var best: (position: Int, value: Float) = (0, -.infinity)
    for (position, value) in probabilities.enumerated() where value > best.value { best = (position, value) }
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("index") { $0.integer(index) }
      writer.member("class") { $0.integer(best.position) }
      writer.member("probabilities") { writer in
        writer.array { writer in for value in probabilities { writer.number(value) } }
      }
    }
    return writer.text
  }
}

/// What `predict` wrote to a file.
package struct PredictionSummary: Summary {
  package var examples: Int
  package var file: String

  package init(examples: Int, file: String) {
    self.examples = examples
    self.file = file
  }

  package var json: JSONValue { .object([.init("examples", .integer(examples)), .init("output", .string(file))]) }

  package var lines: [String] { ["\(NumberText.count(examples, "prediction")) written to \(file)"] }
}

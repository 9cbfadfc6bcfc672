import Diagnostics
import Storage

/// The lines of `predict`: one an image, as JSON or as comma-separated values.
package struct PredictionLine: Sendable {
  package enum Format: String, Sendable, CaseIterable {
    case jsonl
    case csv
  }

  package let format: Format
  /// How many of the most probable classes a line has, with their probabilities; `nil`: all probabilities, in JSON.
  package let top: Int?
  /// What classes are called; the numbers beyond have no name.
  package let classNames: [String]?

  package init(format: Format = .jsonl, top: Int? = nil, classNames: [String]? = nil) {
    self.format = format
    self.top = top
    self.classNames = classNames
  }

  /// The first line of comma-separated values; JSON Lines have none.
  ///
  /// - Parameter classes: of the network.
  package func header(classes: Int) -> String? {
    switch format {
    case .jsonl: return nil
    case .csv:
      let columns = (1...max(1, min(top ?? 1, classes))).flatMap { rank in
        ["class", "name", "probability"].map { rank == 1 ? $0 : "\($0)_\(rank)" }
      }
      return (["index", "file"] + columns).joined(separator: ",")
    }
  }

  /// `{"index":0,"class":7,"probabilities":[…]}`, with the file and the class's name where they are known; the class is
  /// the first of the largest probabilities.
  ///
  /// With `top`, `"top":[{"class":7,"name":"dog","probability":0.9},…]` in place of `probabilities`, the most probable first,
  /// equal ones by their number. Comma-separated: index, file, then class, name and probability of each.
  package func text(index: Int, file: String? = nil, probabilities: some Collection<Float>) -> String {
    switch format {
    case .jsonl: json(index, file, Array(probabilities))
    case .csv: csv(index, file, Array(probabilities))
    }
  }

  private func json(_ index: Int, _ file: String?, _ probabilities: [Float]) -> String {
    let best = best(of: probabilities, top ?? 1)
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("index") { $0.integer(index) }
      if let file { writer.member("file") { $0.string(file) } }
      writer.member("class") { $0.integer(best.first ?? 0) }
      if let name = name(best.first ?? 0) { writer.member("name") { $0.string(name) } }
      guard top != nil else {
        writer.member("probabilities") { writer in
          writer.array { writer in for value in probabilities { writer.number(value) } }
        }
        return
      }
      writer.member("top") { writer in
        writer.array { writer in
          for k in best {
            writer.object { writer in
              writer.member("class") { $0.integer(k) }
              if let name = name(k) { writer.member("name") { $0.string(name) } }
              writer.member("probability") { $0.number(probabilities[k]) }
            }
          }
        }
      }
    }
    return writer.text
  }

  private func csv(_ index: Int, _ file: String?, _ probabilities: [Float]) -> String {
    let columns = best(of: probabilities, top ?? 1).flatMap { k in
      [String(k), Self.field(name(k) ?? ""), "\(probabilities[k])"]
    }
    return ([String(index), Self.field(file ?? "")] + columns).joined(separator: ",")
  }

  /// The first `count` classes by probability, equal ones by their number.
  private func best(of probabilities: [Float], _ count: Int) -> [Int] {
    if count == 1 {
      var best = 0
      for k in probabilities.indices where probabilities[k] > probabilities[best] || probabilities[best].isNaN {
        best = k
      }
      return probabilities.isEmpty ? [] : [best]
    }
    let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
    return Array(order.prefix(count))
  }

  private func name(_ k: Int) -> String? { classNames.flatMap { k < $0.count ? $0[k] : nil } }

  /// A value in quotes where it needs them. A line stays a line: what would break it becomes `?`, which JSON need not.
  private static func field(_ text: String) -> String {
    let line = text.onOneLine
    guard line.contains(where: { $0 == "," || $0 == "\"" }) else { return line }
    return "\"" + line.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
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

import Storage

/// The result of `report`.
package struct PageSummary: Sendable, Summary {
  package var file: String
  package var runs: Int

  package init(file: String, runs: Int) {
    self.file = file
    self.runs = runs
  }

  package var json: JSONValue { .object([.init("file", .string(file)), .init("runs", .integer(runs))]) }
  package var lines: [String] { ["\(NumberText.count(runs, "run")) in \(file)"] }
}

import Reporting
import Storage

/// The result of `init`: what was found, what was written, and the command that comes next.
package struct DraftSummary: Summary {
  private let draft: ConfigurationDraft
  /// What was looked at; `nil` where the data is part of the program.
  private let data: String?
  private let file: String

  package init(_ draft: ConfigurationDraft, data: String?, file: String) {
    self.draft = draft
    self.data = data
    self.file = file
  }

  private var next: String { "lockstep train \(file.shellWord)" }

  package var json: JSONValue {
    .object([
      .init("config", .string(file)), .init("data", data.map { .string($0) } ?? .null),
      .init("format", .string(draft.source.formatName)), .init("examples", .integer(draft.examples)),
      .init("test_examples", draft.testExamples.map { .integer($0) } ?? .null),
      .init("classes", .integer(draft.classes)),
      .init("input", .array([draft.input.height, draft.input.width, draft.input.channels].map { .integer($0) })),
      .init("preset", .string(draft.preset.name)), .init("damaged", .integer(draft.damaged.count)),
      .init("next", .string(next)),
    ])
  }

  package var lines: [String] {
    var facts = TextTable([.left, .left])
    let names = draft.classNames.map { ": " + $0.prefix(8).joined(separator: ", ") + ($0.count > 8 ? ", …" : "") } ?? ""
    let test = draft.testExamples.map { " and \(NumberText.grouped($0)) to test" } ?? ", none to test"
    facts.add(
      "found",
      data.map { "\(draft.source.formatName) in \($0)" }
        ?? "no data was named: handwritten digits that are part of the program")
    facts.add("images", "\(NumberText.grouped(draft.examples)) to train\(test), \(draft.input) as the net gets them")
    facts.add("classes", NumberText.grouped(draft.classes) + names)
    if !draft.damaged.isEmpty {
      facts.add("damaged", NumberText.count(draft.damaged.count, "file") + ", which are left out")
    }
    facts.add("net", "\(draft.preset.name), \(NumberText.count(draft.epochs, "epoch"))")
    facts.add("written", file)
    facts.add("next", next)
    return facts.lines()
  }
}

extension String {
  /// The text as one word of a shell.
  fileprivate var shellWord: String {
    let isPlain = unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || "0123456789._-/+=:@%,".unicodeScalars.contains($0)
    }
    return isPlain && !isEmpty
      ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}

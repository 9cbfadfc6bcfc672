import Foundation
import Testing

/// `docs/files.md` names every key that a run writes.
@Suite struct FileReferenceTests {
  private let page: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appendingPathComponent("docs/files.md"), encoding: .utf8)) ?? ""
  }()

  /// All keys of objects inside a value.
  private func keys(_ value: Any) -> Set<String> {
    if let object = value as? [String: Any] {
      return object.values.reduce(Set(object.keys)) { $0.union(keys($1)) }
    }
    return (value as? [Any] ?? []).reduce([]) { $0.union(keys($1)) }
  }

  private func keys(text: some StringProtocol) throws -> Set<String> {
    keys(try JSONSerialization.jsonObject(with: Data(text.utf8)))
  }

  /// The part of the page from one heading to the next.
  private func section(_ heading: String) throws -> String {
    let start = try #require(page.range(of: "\n## \(heading)\n"))
    let rest: Substring = page[start.upperBound...]
    return String(rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)])
  }

  private func expect(_ keys: Set<String>, in heading: String) throws {
    let text = try section(heading)
    #expect(!keys.isEmpty)
    for key in keys { #expect(text.contains("`\(key)`"), "\(heading) does not explain \(key)") }
  }

  /// The metadata in the header of a safetensors file.
  private func metadata(_ folder: TemporaryFolder, _ name: String) throws -> [String: String] {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    let count: Int = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header: Any = try JSONSerialization.jsonObject(with: bytes.dropFirst(8).prefix(count))
    return try #require((header as? [String: Any])?["__metadata__"] as? [String: String])
  }

  @Test("every key that a run writes is explained")
  func everyKeyThatARunWritesIsExplained() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let run = try Executable.run(["train", file, "--quiet", "--output", "run"], folder: folder.path)
    #expect(run.exitCode == 0, "\(run.errors)")
    let lines = try folder.text("run/metrics.jsonl").split(separator: "\n")
    try expect(try lines.reduce(into: []) { $0.formUnion(try keys(text: $1)) }, in: "metrics.jsonl")
    let steps = try folder.text("run/ledger.jsonl").split(separator: "\n")
    try expect(try steps.reduce(into: []) { $0.formUnion(try keys(text: $1)) }, in: "ledger.jsonl")
    try expect(try keys(text: folder.text("run/receipt.json")), in: "receipt.json")
    try expect(try keys(text: folder.text("run/summary.json")).union(["interrupted"]), in: "summary.json")
    try expect(try keys(text: folder.text("run/report.json")).union(["class_names"]), in: "report.json")
    try expect(Set(metadata(folder, "run/weights.safetensors").keys), in: "weights.safetensors")

    let second = try Executable.run(
      ["train", file, "--quiet", "--output", "second", "--weights", "run/weights.safetensors"], folder: folder.path)
    #expect(second.exitCode == 0, "\(second.errors)")
    let checkpoint = try #require(
      try FileManager.default.contentsOfDirectory(atPath: folder.path + "/second").first { $0.hasPrefix("checkpoint-") }
    )
    var entries = Set<String>(try metadata(folder, "second/" + checkpoint).keys)
    #expect(entries.contains("initial_weights"))
    // Two groups of the same sums are explained once.
    for group in ["progress.interval.", "progress.epoch."] {
      let sums = entries.filter { $0.hasPrefix(group) }
      entries.subtract(sums)
      entries.formUnion(sums.map { String($0.dropFirst(group.count)) } + [group + "…"])
    }
    #expect(entries.contains("step_ns") && entries.contains("progress.elapsed_ns"))
    try expect(entries, in: "checkpoint-&lt;step&gt;.safetensors")

    let images = try folder.write(
      [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4] + [UInt8](repeating: 9, count: 16), to: "images.idx")
    let prediction = try Executable.run(
      ["predict", file, "--weights", "run/weights.safetensors", "--images", images], folder: folder.path)
    try expect(try keys(text: prediction.output.split(separator: "\n").first ?? ""), in: "Predictions")
    let evaluation = try Executable.run(
      ["evaluate", file, "--weights", "run/weights.safetensors", "--json"], folder: folder.path)
    try expect(try keys(text: evaluation.output), in: "Evaluation")
  }

  /// A page that cannot be found explains nothing.
  @Test("every page is in the index")
  func everyPageIsInTheIndex() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let readme = try String(contentsOfFile: root + "/README.md", encoding: .utf8)
    let pages = try FileManager.default.contentsOfDirectory(atPath: root + "/docs").filter {
      $0.hasSuffix(".md")
    }
    #expect(pages.contains("files.md"))
    for page in pages { #expect(readme.contains("(docs/\(page))"), "README.md does not name docs/\(page)") }
  }
}

import Foundation
import Testing

/// Standard streams that are closed, full or limited.
@Suite struct StreamProgramTests {
  /// Every file holds what belongs there, whatever streams the caller closed.
  @Test("closed streams mix no lines", arguments: 0..<8)
  func closedStreamsMixNoLines(closed: Int) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let whole = try Executable.run(["train", file, "--output", "whole"], folder: folder.path)
    #expect(whole.exitCode == 0)
    let closing = [(1, "0<&-"), (2, "1>&-"), (4, "2>&-")].filter { closed & $0.0 != 0 }.map(\.1).joined(
      separator: " ")
    let result = try Executable.run(
      ["train", file, "--output", "d", "--json"], folder: folder.path, limit: "exec \(closing)")
    #expect(result.exitCode == 0)
    func lines(_ name: String) throws -> [Substring] {
      try folder.text(name).split(separator: "\n").map { line in
        line.firstRange(of: "\"images_per_second\"").map { line[..<$0.lowerBound] } ?? line
      }
    }
    #expect(try lines("d/metrics.jsonl") == lines("whole/metrics.jsonl"), "closed: \(closing)")
    #expect(try folder.text("d/config.json") == folder.text("whole/config.json"))
    #expect(try folder.text("d/summary.json").hasPrefix("{\"epochs\":2,"))
    let summary = try folder.text("d/summary.json")
    if closed & 2 == 0 { #expect(result.output == summary) }
    if closed & 4 == 0 { #expect(result.errors.contains("written to d")) }
  }

  /// A result that is longer than files may be is an error with its code, in every command.
  @Test("a limit of file sizes gives 74")
  func aLimitOfFileSizesIs74() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let trained = try Executable.run(["train", file, "--quiet", "--output", "w"], folder: folder.path)
    #expect(trained.exitCode == 0)
    for command: [String] in [
      ["config", file], ["evaluate", file, "--weights", "w/weights.safetensors"], ["topology"],
    ] {
      let result = try Executable.run(command, folder: folder.path, limit: "ulimit -f 0")
      #expect(result.exitCode == 74, "\(command)")
    }
  }
}

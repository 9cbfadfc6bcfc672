import Foundation
import Testing

/// `verify`, `compare` and `selftest` as scripts see them.
@Suite struct VerifyProgramTests {
  private func train(_ folder: TemporaryFolder, _ output: String, _ flags: [String] = []) throws {
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let run = try Executable.run(["train", file, "--quiet", "--output", output] + flags, folder: folder.path)
    #expect(run.exitCode == 0, "\(run.errors)")
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("a run is verified, and a changed one is named with 65")
  func verify() throws {
    let folder = try TemporaryFolder()
    try train(folder, "run")
    let whole = try Executable.run(["verify", "run", "--all", "--json", "--workers", "1"], folder: folder.path)
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let found = try json(whole.output)
    #expect(found["steps"] as? Int == 6 && found["steps_replayed"] as? Int == 6)
    #expect((found["files"] as? [String])?.count == 4)
    let parts = try Executable.run(["verify", "run", "--segments", "1"], folder: folder.path)
    #expect(parts.exitCode == 0 && parts.output.contains("missed if"), "\(parts.output)\(parts.errors)")
    #expect(try Executable.run(["verify", "run", "--segments", "x"], folder: folder.path).exitCode == 64)
    #expect(try Executable.run(["verify"], folder: folder.path).errors.contains("no RUN"))
    #expect(try Executable.run(["verify", "nothing"], folder: folder.path).exitCode == 66)
    let metrics = try folder.text("run/metrics.jsonl")
    _ = try folder.write(
      metrics.replacingOccurrences(of: "\"accuracy\":0", with: "\"accuracy\":1"), to: "run/metrics.jsonl")
    let changed = try Executable.run(["verify", "run"], folder: folder.path)
    #expect(changed.exitCode == 65 && changed.errors.contains("run/metrics.jsonl: was changed"), "\(changed.errors)")
  }

  @Test("two runs are compared")
  func compare() throws {
    let folder = try TemporaryFolder()
    try train(folder, "a")
    try train(folder, "b", ["--workers", "1"])
    try train(folder, "c", ["--lr", "0.06"])
    let same = try Executable.run(["compare", "a", "b", "--json"], folder: folder.path)
    #expect(same.exitCode == 0, "\(same.errors)")
    #expect(try json(same.output)["same"] as? Bool == true)
    let other = try Executable.run(["compare", "a", "c"], folder: folder.path)
    #expect(other.exitCode == 0 && other.output.contains("training.optimizer.lr: 0.05 and 0.06"), "\(other.output)")
    #expect(try Executable.run(["compare", "a"], folder: folder.path).exitCode == 64)
  }

  @Test("the self-test ends with a line for bug reports")
  func selfTest() throws {
    let result = try Executable.run(["selftest"])
    #expect(result.exitCode == 0, "\(result.errors)")
    let last = result.output.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("selftest: lockstep ") && last.contains("digests as recorded"))
  }
}

import Foundation
import Testing

/// `train --dry-run` says what a run would do, fails as the run would, and writes nothing.
@Suite struct DryRunProgramTests {
  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("a dry run has the numbers of the run, and leaves no file")
  func aDryRunLeavesNoFile() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let dry = try Executable.run(["train", file, "--dry-run", "--json"], folder: folder.path)
    #expect(dry.exitCode == 0, "\(dry.errors)")
    #expect(try folder.names == ["tiny.json"])
    let found = try json(dry.output)
    // 40 examples in batches of 16, twice; the test set is evaluated after each epoch.
    let numbers = [
      "training_examples": 40, "test_examples": 9, "parameters": 51, "epochs": 2, "steps_per_epoch": 3, "steps": 6,
      "first_step": 0, "evaluations": 2, "batch_size": 16, "workers": 2,
    ]
    for (key, value) in numbers { #expect(found[key] as? Int == value, "\(key)") }
    // The first step does not count, nor do those of other epochs.
    #expect(found["measured_steps"] as? Int == 2)
    for key in ["step_ms", "images_per_second", "seconds", "data_bytes"] { #expect((found[key] as? Double ?? 0) > 0) }
    #expect(found["output"] as? String == "runs/tiny" && found["continues"] is NSNull)
    let memory = try #require(found["memory"] as? [String: Any])
    #expect((memory["nodes"] as? [Any])?.isEmpty == false)

    let text = try Executable.run(["train", file, "--dry-run"], folder: folder.path)
    #expect(text.exitCode == 0 && text.output.hasSuffix("\nA dry run: nothing was written.\n"))
    #expect(text.output.contains("dense_1") && text.output.contains("for 6 steps and 2 evaluations"))
    #expect(text.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(try folder.names == ["tiny.json"])
  }

  @Test("a dry run continues and counts what is left, and locks and changes nothing of the run that is there")
  func aDryRunContinues() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let part = try Executable.run(
      ["train", file, "--quiet", "--set", "training.max_steps=4"], folder: folder.path)
    #expect(part.exitCode == 0, "\(part.errors)")
    func content() throws -> [String: [UInt8]] {
      var found: [String: [UInt8]] = [:]
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.file("runs/tiny")) {
        found[name] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("runs/tiny/\(name)"))))
      }
      return found
    }
    let before = try content()
    let dry = try Executable.run(["train", file, "--dry-run", "--json", "--resume", "last"], folder: folder.path)
    #expect(dry.exitCode == 0, "\(dry.errors)")
    let found = try json(dry.output)
    #expect(
      found["first_step"] as? Int == 4 && found["steps"] as? Int == 2 && found["output"] as? String == "runs/tiny")
    #expect((found["continues"] as? String)?.hasSuffix("after step 4") == true)
    #expect(try content() == before)
    let other = try Executable.run(["train", file, "--dry-run", "--json"], folder: folder.path)
    #expect(try json(other.output)["output"] as? String == "runs/tiny-2", "\(other.errors)")
    #expect(try folder.names == ["runs", "tiny.json"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("runs")) == ["tiny"])
  }

  @Test(
    "a dry run fails as the run would",
    arguments: [
      (["--set", "training.epochs=0"], 78, "training.epochs"),
      (["--set", "data={ format: 'idx', train: { images: 'no', labels: 'no' } }"], 66, "data.train"),
      (["--weights", "no.safetensors"], 66, "no.safetensors"), (["--trace", "t.json"], 64, "--trace"),
      (["--watch", "0"], 64, "--watch"), (["--lr", "3e38"], 76, "step"),
      (["--set", "runtime.placement.cpus=4000"], 78, "runtime.placement.cpus"),
    ] as [([String], Int32, String)])
  func aDryRunFailsAsTheRunWould(arguments: [String], code: Int32, words: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let dry = try Executable.run(["train", file, "--dry-run"] + arguments, folder: folder.path)
    #expect(dry.exitCode == code && dry.errors.contains(words), "\(dry.exitCode) \(dry.errors)")
    #expect(try folder.names == ["tiny.json"])
  }
}

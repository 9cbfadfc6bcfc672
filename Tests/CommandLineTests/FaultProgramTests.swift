import Foundation
import Testing

/// Signals at awkward moments, folders that vanish, damaged checkpoints and second processes, as scripts see them.
@Suite struct FaultProgramTests {
  /// Data that take a while to make: 64 MiB.
  static let slowToLoad = ProgramTests.tiny.replacing("examples: 40", with: "examples: 4000000")

  private func checkpoints(_ folder: TemporaryFolder, _ run: String = "runs/tiny") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(run)")) ?? []).filter {
      $0.hasPrefix("checkpoint-")
    }.sorted()
  }

  private func summary(_ result: ProcessResult) throws -> [String: Any] {
    #expect(result.exitCode == 0, "\(result.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  // MARK: Signals

  /// Signals end commands without checkpoints as they end any program.
  @Test(
    "signals end other commands",
    arguments: [
      ["evaluate", "tiny.json", "--weights", "w/weights.safetensors"], ["bench", "throughput", "tiny.json"],
    ])
  func otherCommandsDieOfASignal(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(
      ProgramTests.tiny.replacing("test_examples: 9", with: "test_examples: 4000000"), to: "tiny.json")
    let trained = try Executable.run(
      ["train", "tiny.json", "--quiet", "--output", "w", "--set", "data.test_examples=0"],
      folder: folder.path)
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let process = try RunningProcess(arguments, in: folder)
    // Its workers are at work.
    process.wait { (process.status("Threads").flatMap { Int($0) } ?? 0) > 2 }
    kill(process.id, SIGTERM)
    process.process.waitUntilExit()
    #expect(process.process.terminationReason == .uncaughtSignal && process.process.terminationStatus == SIGTERM)
  }

  // MARK: Files

  @Test("a folder that vanishes gives 74, and its checkpoint stays")
  func aFolderThatVanishesIs74AndItsCheckpointStays() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    process.wait { !checkpoints(folder).isEmpty }
    #expect(rename("\(folder.path)/runs/tiny", "\(folder.path)/gone") == 0)
    process.process.waitUntilExit()
    let errors = try process.errors()
    #expect(process.process.terminationReason == .exit && process.process.terminationStatus == 74, "\(errors)")
    #expect(errors.hasPrefix("lockstep: runs/tiny: is no longer the folder that the run began in: "), "\(errors)")
    #expect(errors.contains("No such file or directory\n  hint: "), "\(errors)")
    #expect(!folder.exists("runs/tiny"))
    let newest = checkpoints(folder, "gone").compactMap { Int($0.dropFirst(11).prefix { $0.isNumber }) }.max() ?? 0
    let rest = try Executable.run(
      ["train", file, "--output", "gone", "--epochs", "\(newest / 3 + 1)", "--json"], folder: folder.path)
    #expect(try summary(rest)["steps"] as? Int == newest / 3 * 3 + 3)
  }

  @Test("a damaged last checkpoint is set aside, and the run ends the same")
  func aDamagedLastCheckpointIsKeptAsideAndTheRunEndsTheSame() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let whole = try Executable.run(["train", file, "--json", "--output", "whole"], folder: folder.path)
    #expect(try Executable.run(["train", file, "--quiet"], folder: folder.path).exitCode == 0)
    // As a machine that lost its power might leave it: the last checkpoint empty, no summary.
    try FileManager.default.removeItem(atPath: folder.path + "/runs/tiny/summary.json")
    _ = try folder.write("", to: "runs/tiny/checkpoint-00000006.safetensors")
    let rest = try Executable.run(["train", file, "--json", "--quiet"], folder: folder.path)
    #expect(
      rest.errors == """
        lockstep: warning: runs/tiny/checkpoint-00000006.safetensors: ends after 0 bytes; 8 are needed at offset 0; kept as \
        runs/tiny/checkpoint-00000006.safetensors.damaged, and the run continues from runs/tiny/checkpoint-00000003.safetensors, with \
        the same result\n
        """)
    #expect(try summary(rest)["weights_digest"] as? String == summary(whole)["weights_digest"] as? String)
    #expect(
      checkpoints(folder) == [
        "checkpoint-00000003.safetensors", "checkpoint-00000006.safetensors", "checkpoint-00000006.safetensors.damaged",
      ])
  }

  @Test("a second process is refused, and the first continues")
  func aSecondProcessIsRefusedAndTheFirstGoesOn() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    process.wait { !checkpoints(folder).isEmpty }
    for resume in ["auto", "never"] {
      let second = try Executable.run(["train", file, "--resume", resume], folder: folder.path)
      #expect(second.exitCode == 74)
      #expect(second.errors.hasPrefix("lockstep: runs/tiny: another process is writing a run there\n  hint: "))
    }
    #expect(process.process.isRunning)
    kill(process.id, SIGTERM)
    process.process.waitUntilExit()
    #expect(process.process.terminationStatus == 75)
    #expect(try process.errors() == "")
  }

  /// Builds of the kernels, workers and placement may differ from part to part.
  @Test("another build of the kernels continues a run")
  func anotherBuildOfTheKernelsContinuesARun() throws {
    let folder = try TemporaryFolder()
    let whole = try Executable.run(
      ["train", ResumeProgramTests.digits, "--epochs", "2", "--json", "--quiet", "--output", "whole"],
      folder: folder.path)
    for (epochs, kernels): (String, String) in [("1", "portable"), ("2", "avx2")] {
      let part = try Executable.run(
        [
          "train", ResumeProgramTests.digits, "--epochs", epochs, "--json", "--quiet", "--output", "parts", "--resume",
          epochs == "1" ? "auto" : "parts/checkpoint-00000023.safetensors", "--workers", epochs,
          "--set", "runtime.placement.policy=\(epochs == "1" ? "none" : "scatter")",
        ], environment: ["LOCKSTEP_KERNELS": kernels], folder: folder.path)
      #expect(part.exitCode == 0, "\(part.errors)")
      if epochs == "2" {
        #expect(try summary(part)["weights_digest"] as? String == summary(whole)["weights_digest"] as? String)
      }
    }
  }
}

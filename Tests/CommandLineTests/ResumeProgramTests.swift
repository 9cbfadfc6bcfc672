import Foundation
import Runs
import Testing

/// Runs that are killed, stopped and continued, as scripts see them.
@Suite struct ResumeProgramTests {
  /// Long enough to be interrupted in the middle.
  static let endless = ["--epochs", "1000000", "--quiet"]
  /// The repository's digits configuration.
  static let digits =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/Config/digits.json"

  private func names(_ folder: TemporaryFolder, _ name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(name)")) ?? []).sorted()
  }

  private func checkpoints(_ folder: TemporaryFolder, _ name: String) -> [String] {
    names(folder, name).filter { $0.hasPrefix("checkpoint-") }
  }

  private func wait(_ process: Process, until isTrue: () -> Bool) {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline, process.isRunning, !isTrue() { Thread.sleep(forTimeInterval: 0.005) }
  }

  private func digest(_ text: String) -> Substring? {
    text.firstRange(of: "sha256:").map { text[$0.lowerBound...].prefix(71) }
  }

  @Test("a run that is stopped and run again ends as if nothing had happened", arguments: [SIGINT, SIGTERM])
  func stoppedAndRunAgainItEndsAsIfNothingHadBeen(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = Executable.process(["train", file] + Self.endless, folder: folder.path)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    wait(process) { !checkpoints(folder, "runs/tiny").isEmpty }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationStatus == 75)
    let newest =
      checkpoints(folder, "runs/tiny").compactMap { Int($0.dropFirst(11).prefix { $0.isNumber }) }.max() ?? 0
    // Three steps an epoch, ten epochs more.
    let epochs = String(newest / 3 + 10)
    let rest = try Executable.run(
      ["train", file, "--epochs", epochs, "--json", "--workers", "3"], folder: folder.path)
    #expect(rest.exitCode == 0, "\(rest.errors)")
    #expect(rest.errors.contains("continuing runs/tiny/\(Checkpoint.fileName(step: newest)) after step \(newest)"))
    let whole = try Executable.run(
      ["train", file, "--epochs", epochs, "--json", "--output", "whole"], folder: folder.path)
    #expect(digest(rest.output) != nil && digest(rest.output) == digest(whole.output))
    #expect(try timeless(folder.text("runs/tiny/metrics.jsonl")) == timeless(folder.text("whole/metrics.jsonl")))
  }

  private func timeless(_ metrics: String) -> [Substring] {
    metrics.split(separator: "\n").map { line in
      line.firstRange(of: "\"images_per_second\"").map { line[..<$0.lowerBound] } ?? line
    }
  }

  @Test("SIGUSR1 writes a checkpoint and the run continues")
  func userSignalWritesACheckpointAndTheRunGoesOn() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = Executable.process(
      ["train", file, "--set", "checkpoint.every_epochs=0"] + Self.endless, folder: folder.path)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    wait(process) { (try? folder.text("runs/tiny/metrics.jsonl"))?.isEmpty == false }
    #expect(checkpoints(folder, "runs/tiny") == [])
    kill(process.processIdentifier, SIGUSR1)
    wait(process) { !checkpoints(folder, "runs/tiny").isEmpty }
    #expect(checkpoints(folder, "runs/tiny").count == 1)
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationStatus == 75)
  }

  @Test("a changed configuration is refused until the user says so")
  func aChangedConfigurationIsRefusedUntilTheUserSaysSo() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = Executable.process(["train", file] + Self.endless, folder: folder.path)
    try process.run()
    wait(process) { !checkpoints(folder, "runs/tiny").isEmpty }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let before = checkpoints(folder, "runs/tiny")
    let refused = try Executable.run(["train", file, "--lr", "0.5"] + Self.endless, folder: folder.path)
    #expect(refused.exitCode == 78)
    #expect(refused.errors.contains("training.optimizer.lr: was 0.05 and is now 0.5"), "\(refused.errors)")
    #expect(checkpoints(folder, "runs/tiny") == before)
    let never = try Executable.run(
      ["train", file, "--lr", "0.5", "--resume", "never", "--quiet"], folder: folder.path)
    #expect(never.exitCode == 0, "\(never.errors)")
    #expect(checkpoints(folder, "runs/tiny") == ["checkpoint-00000003.safetensors", "checkpoint-00000006.safetensors"])
    let missing = try Executable.run(
      ["train", file, "--resume", "none.safetensors"], folder: folder.path)
    #expect(missing.exitCode == 66)
    let noCheckpoint = try Executable.run(
      ["train", file, "--resume", "runs/tiny/weights.safetensors"], folder: folder.path)
    #expect(noCheckpoint.exitCode == 65)
    let longer = try Executable.run(
      [
        "train", file, "--lr", "0.5", "--resume", "runs/tiny/checkpoint-00000003.safetensors", "--epochs", "2",
        "--output",
        "b",
      ],
      folder: folder.path)
    #expect(longer.exitCode == 0, "\(longer.errors)")
    #expect(digest(try folder.text("b/summary.json")) == digest(try folder.text("runs/tiny/summary.json")))
    let evaluated = try Executable.run(
      ["evaluate", file, "--weights", "b/checkpoint-00000006.safetensors"], folder: folder.path)
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
  }

  /// The limit counts blocks of 1024 bytes: metrics fit, a checkpoint of 113 KiB does not.
  @Test("a file that may not grow gives 74 and loses nothing")
  func aFileThatMayNotGrowIs74AndCostsNothing() throws {
    let folder = try TemporaryFolder()
    let good = try Executable.run(
      ["train", Self.digits, "--epochs", "1", "--quiet", "--output", "r"], folder: folder.path)
    #expect(good.exitCode == 0, "\(good.errors)")
    let process = Executable.process([], folder: folder.path)
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c", "ulimit -f 64; exec \"$@\"", "bash", Executable.path, "train", Self.digits, "--epochs", "3", "--quiet",
      "--output", "r", "--resume", "r/checkpoint-00000023.safetensors",
    ]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationReason == .exit && process.terminationStatus == 74, "\(text)")
    #expect(text.contains("File too large"), "\(text)")
    #expect(checkpoints(folder, "r") == ["checkpoint-00000023.safetensors"])
  }

  @Test("runs killed at random end with the digest of an uninterrupted run")
  func randomKillsEndInTheUndisturbedDigest() throws {
    let script =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
      + "/Torture/torture"
    let process = Executable.process([])
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [script, Executable.path, "6", "3"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.contains("6 kills"))
  }
}

import Foundation
import Testing

/// Signals at awkward moments, folders that vanish, damaged checkpoints and second processes, as scripts see them.
@Suite struct FaultProgramTests {
  /// Data that take a while to make: 64 MiB.
  private static let slowToLoad: String = ProgramTests.tiny.replacing("examples: 40", with: "examples: 4000000")

  private func wait(_ process: Process, until isTrue: () -> Bool) {
    let deadline: Date = Date(timeIntervalSinceNow: 60)
    while Date() < deadline, process.isRunning, !isTrue() { Thread.sleep(forTimeInterval: 0.001) }
  }

  /// A line of the process's status, such as the mask of blocked signals.
  private func status(_ process: Process, _ key: String) -> Substring? {
    // Files under /proc have no size beforehand, for which Foundation asks.
    let file: Int32 = open("/proc/\(process.processIdentifier)/status", O_RDONLY)
    defer { close(file) }
    var bytes: [UInt8] = [UInt8](repeating: 0, count: 8192)
    let count: Int = read(file, &bytes, 8192)
    let text: String = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    return text.split(separator: "\n").first { $0.hasPrefix("\(key):") }?.split(separator: "\t").last
  }

  /// Whether the process has begun to wait for its three signals; before, it blocks none or what this thread blocks.
  private func waitsForSignals(_ process: Process) -> Bool {
    let wanted: UInt64 = [SIGINT, SIGTERM, SIGUSR1].reduce(0) { $0 | 1 << UInt64($1 - 1) }
    return status(process, "SigBlk").flatMap { UInt64($0, radix: 16) } == wanted
  }

  /// Starts the program with no signal blocked; the call that is refused is not one it makes.
  private func start(_ arguments: [String], _ folder: TemporaryFolder) throws -> Process {
    let process: Process = Executable.process(
      ["EPERM", "migrate_pages", Executable.path] + arguments, folder: folder.path)
    process.executableURL = URL(fileURLWithPath: Executable.refusedCalls)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: try folder.write("", to: "errors"))
    try process.run()
    return process
  }

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

  @Test func aSignalBeforeTheFirstStepLeavesACheckpointOfIt() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let process: Process = try start(["train", try folder.write(Self.slowToLoad, to: "tiny.json")], folder)
    wait(process) { waitsForSignals(process) }
    #expect(!folder.exists("runs/tiny/config.json"), "the data are not loaded yet")
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 75)
    #expect(checkpoints(folder) == ["checkpoint-1.safetensors"])
  }

  @Test func aSecondSignalEndsTheProcessAtOnce() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let process: Process = try start(["train", try folder.write(Self.slowToLoad, to: "tiny.json")], folder)
    wait(process) { waitsForSignals(process) }
    kill(process.processIdentifier, SIGTERM)
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    // The system may hand over the two in either order.
    #expect(process.terminationReason == .exit)
    #expect([128 + SIGINT, 128 + SIGTERM].contains(process.terminationStatus))
    #expect(!folder.exists("runs/tiny/config.json"))
  }

  /// Commands without checkpoints die of a signal as any program does.
  @Test(arguments: [
    ["evaluate", "tiny.json", "--weights", "w/weights.safetensors"], ["bench", "throughput", "tiny.json"],
  ])
  func otherCommandsDieOfASignal(arguments: [String]) throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    _ = try folder.write(
      ProgramTests.tiny.replacing("test_examples: 9", with: "test_examples: 4000000"), to: "tiny.json")
    let trained: ProcessResult = try Executable.run(
      ["train", "tiny.json", "--quiet", "--output", "w", "--set", "data.test_examples=0"],
      folder: folder.path)
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let process: Process = try start(arguments, folder)
    // Its workers are at work.
    wait(process) { (status(process, "Threads").flatMap { Int($0) } ?? 0) > 2 }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGTERM)
  }

  // MARK: Files

  @Test func aFolderThatVanishesIs74AndItsCheckpointStays() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process: Process = try start(["train", file] + ResumeProgramTests.endless, folder)
    wait(process) { !checkpoints(folder).isEmpty }
    #expect(rename("\(folder.path)/runs/tiny", "\(folder.path)/gone") == 0)
    process.waitUntilExit()
    let errors: String = try folder.text("errors")
    #expect(process.terminationReason == .exit && process.terminationStatus == 74, "\(errors)")
    #expect(errors.contains("lockstep: runs/tiny/checkpoint-"), "\(errors)")
    #expect(errors.contains("No such file or directory") && errors.split(separator: "\n").count == 1, "\(errors)")
    #expect(!folder.exists("runs/tiny"))
    let newest: Int = checkpoints(folder, "gone").compactMap { Int($0.dropFirst(11).prefix { $0.isNumber }) }.max() ?? 0
    let rest: ProcessResult = try Executable.run(
      ["train", file, "--output", "gone", "--epochs", "\(newest / 3 + 1)", "--json"], folder: folder.path)
    #expect(try summary(rest)["steps"] as? Int == newest / 3 * 3 + 3)
  }

  @Test func aDamagedLastCheckpointIsKeptAsideAndTheRunEndsTheSame() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let whole: ProcessResult = try Executable.run(["train", file, "--json", "--output", "whole"], folder: folder.path)
    #expect(try Executable.run(["train", file, "--quiet"], folder: folder.path).exitCode == 0)
    // As a machine that lost its power might leave it: the last checkpoint empty, no summary.
    try FileManager.default.removeItem(atPath: folder.path + "/runs/tiny/summary.json")
    _ = try folder.write("", to: "runs/tiny/checkpoint-6.safetensors")
    let rest: ProcessResult = try Executable.run(["train", file, "--json", "--quiet"], folder: folder.path)
    #expect(
      rest.errors == """
        lockstep: warning: runs/tiny/checkpoint-6.safetensors: ends after 0 bytes; 8 are needed at offset 0; kept as \
        runs/tiny/checkpoint-6.safetensors.damaged, and the run goes on from runs/tiny/checkpoint-3.safetensors, to the \
        same end\n
        """)
    #expect(try summary(rest)["weights_digest"] as? String == summary(whole)["weights_digest"] as? String)
    #expect(
      checkpoints(folder) == [
        "checkpoint-3.safetensors", "checkpoint-6.safetensors", "checkpoint-6.safetensors.damaged",
      ])
  }

  @Test func aSecondProcessIsRefusedAndTheFirstGoesOn() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process: Process = try start(["train", file] + ResumeProgramTests.endless, folder)
    wait(process) { !checkpoints(folder).isEmpty }
    for resume: String in ["auto", "never"] {
      let second: ProcessResult = try Executable.run(["train", file, "--resume", resume], folder: folder.path)
      #expect(second.exitCode == 74)
      #expect(second.errors.hasPrefix("lockstep: runs/tiny: another process is writing a run there\n  hint: "))
    }
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationStatus == 75)
    #expect(try folder.text("errors") == "")
  }

  /// Builds of the kernels, workers and placement may differ from part to part.
  @Test func anotherBuildOfTheKernelsContinuesARun() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let whole: ProcessResult = try Executable.run(
      ["train", ResumeProgramTests.digits, "--epochs", "2", "--json", "--quiet", "--output", "whole"],
      folder: folder.path)
    for (epochs, kernels): (String, String) in [("1", "portable"), ("2", "avx2")] {
      let part: ProcessResult = try Executable.run(
        [
          "train", ResumeProgramTests.digits, "--epochs", epochs, "--json", "--quiet", "--output", "parts", "--resume",
          epochs == "1" ? "auto" : "parts/checkpoint-23.safetensors", "--workers", epochs,
          "--set", "runtime.placement.policy=\(epochs == "1" ? "none" : "scatter")",
        ], environment: ["LOCKSTEP_KERNELS": kernels], folder: folder.path)
      #expect(part.exitCode == 0, "\(part.errors)")
      if epochs == "2" {
        #expect(try summary(part)["weights_digest"] as? String == summary(whole)["weights_digest"] as? String)
      }
    }
  }
}

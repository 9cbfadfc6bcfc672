import Foundation
import Testing

/// Signals at awkward moments, as schedulers, launchers and people send them.
@Suite struct SignalProgramTests {
  private func checkpoints(_ folder: TemporaryFolder) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/runs/tiny")) ?? []).filter {
      $0.hasPrefix("checkpoint-")
    }.sorted()
  }

  private func started(_ folder: TemporaryFolder, _ text: String = ProgramTests.tiny) throws -> RunningProcess {
    let run = try RunningProcess(
      ["train", try folder.write(text, to: "tiny.json"), "--set", "checkpoint.every_epochs=0"]
        + (text == ProgramTests.tiny ? ResumeProgramTests.endless : []), in: folder)
    run.wait { run.waitsForSignals }
    return run
  }

  @Test("a signal before the first step leaves a checkpoint of that step")
  func aSignalBeforeTheFirstStepLeavesACheckpointOfIt() throws {
    let folder = try TemporaryFolder()
    let process = try RunningProcess(
      ["train", try folder.write(FaultProgramTests.slowToLoad, to: "tiny.json")], in: folder)
    process.wait { process.waitsForSignals }
    #expect(!folder.exists("runs/tiny/config.json"), "the data are not loaded yet")
    kill(process.id, SIGTERM)
    process.process.waitUntilExit()
    #expect(process.process.terminationReason == .exit && process.process.terminationStatus == 75)
    #expect(checkpoints(folder) == ["checkpoint-00000001.safetensors"])
  }

  /// What `timeout`, schedulers and launchers send: the checkpoint is still written.
  @Test(
    "signals within a second count as one",
    arguments: [[SIGTERM, SIGTERM], [SIGTERM, SIGINT], [SIGINT, SIGINT, SIGTERM], [SIGHUP, SIGTERM]])
  func signalsWithinASecondCountAsOne(signals: [Int32]) throws {
    let folder = try TemporaryFolder()
    let run = try started(folder)
    for signal in signals {
      kill(run.id, signal)
      Thread.sleep(forTimeInterval: 0.02)
    }
    #expect(run.end() && run.process.terminationReason == .exit && run.process.terminationStatus == 75)
    #expect(checkpoints(folder).count == 1)
  }

  @Test("other signals stop the run with a checkpoint", arguments: [SIGHUP, SIGUSR2])
  func othersThatStopTheRunWithACheckpoint(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let run = try started(folder)
    kill(run.id, signal)
    #expect(run.end() && run.process.terminationReason == .exit && run.process.terminationStatus == 75)
    #expect(checkpoints(folder).count == 1)
  }

  /// A step takes several seconds here, so that the run cannot have acted on the first one.
  @Test("a second signal after a second ends the process at once", arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGHUP)])
  func aSecondSignalAfterASecondEndsTheProcessAtOnce(first: Int32, second: Int32) throws {
    let folder = try TemporaryFolder()
    let slow = """
      { name: "tiny", model: { input: [64, 64, 8], layers: [
          { type: "conv2d", filters: 64, kernel_size: 5, padding: "same", algorithm: "direct" }, { type: "relu" },
          { type: "conv2d", filters: 8, kernel_size: 5, padding: "same", algorithm: "direct" },
          { type: "flatten" }, { type: "dense", units: 3 }, { type: "softmax" }] },
        data: { format: "synthetic", examples: 2048, test_examples: 0, classes: 3 },
        training: { epochs: 9, batch_size: 2048 }, runtime: { workers: 1 } }
      """
    let run = try started(folder, slow)
    run.wait { folder.exists("runs/tiny/metrics.jsonl") }
    kill(run.id, SIGUSR2)
    kill(run.id, first)
    Thread.sleep(forTimeInterval: 1.2)
    kill(run.id, SIGUSR2)
    Thread.sleep(forTimeInterval: 0.05)
    let wasRunning = run.process.isRunning
    kill(run.id, second)
    let hasEnded = run.end()
    let errors = try run.errors()
    #expect(hasEnded && wasRunning, "\(errors)")
    #expect(run.process.terminationReason == .exit && run.process.terminationStatus == 128 + second)
    #expect(checkpoints(folder).isEmpty)
  }

  /// As under `nohup`.
  @Test("an ignored SIGHUP stays ignored")
  func anIgnoredHangUpStaysIgnored() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let script = "trap '' HUP; \"$@\" & sleep 0.5; kill -HUP $!; sleep 0.3; kill -TERM $!; wait $!"
    let result = try Executable.run(
      ["-c", script, "bash", Executable.path, "train", file] + ResumeProgramTests.endless, folder: folder.path,
      executable: "/bin/bash")
    #expect(result.exitCode == 75, "\(result.errors)")
    let metrics = try folder.text("runs/tiny/metrics.jsonl")
    #expect(metrics.split(separator: "\n").count > 100, "it went on for a while")
  }

  /// The run's messages are not read, and the pipe is full.
  @Test("a full pipe does not keep the run from ending")
  func aFullPipeKeepsNobodyFromEndingTheRun() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let process = Executable.process(
      ["train", file, "--epochs", "1000000", "--no-progress"], folder: folder.path)
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var (last, still) = (-1, 0)
    // Until its lines fill the pipe: on a busy machine, a run may stand still for a moment without it.
    while process.isRunning, still < 5 {
      Thread.sleep(forTimeInterval: 0.3)
      let size = (try? folder.text("runs/tiny/metrics.jsonl").utf8.count) ?? 0
      still = size > 0 && size == last ? still + 1 : 0
      last = size
    }
    kill(process.processIdentifier, SIGTERM)
    Thread.sleep(forTimeInterval: 1.2)
    #expect(process.isRunning, "it is still held up by its pipe")
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 128 + SIGTERM)
    withExtendedLifetime(pipe) {}
  }
}

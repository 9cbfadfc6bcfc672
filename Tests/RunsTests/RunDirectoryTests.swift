import Configuration
import Diagnostics
import Glibc
import Reporting
import Storage
import TestSupport
import Testing
import Training

@testable import Runs

/// What a run directory holds before, between and after the parts of a run, and when writing to it fails.
@Suite struct RunDirectoryTests {
  private func parsed(_ path: String, _ text: String) -> ConfigurationOverride {
    ConfigurationOverride(path: path, text: text, origin: path)
  }

  private func configuration(_ overrides: [ConfigurationOverride] = []) throws -> RunConfiguration {
    try ConfigurationReader.read(
      text: """
        { model: { input: [2, 2, 1], layers: [{ type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'softmax' }] },
          data: { format: 'synthetic', examples: 12, test_examples: 6, classes: 3 },
          training: { epochs: 8, batch_size: 4 }, runtime: { workers: 1, placement: { policy: 'none' } },
          checkpoint: { every_epochs: 0 }, logging: { every_steps: 1 } }
        """, file: "small.json", overrides: overrides)
  }

  /// Three steps an epoch; one step, or all to the end.
  private func train(
    _ directory: RunDirectory, _ run: RunConfiguration, from point: ResumePoint? = nil, steps: Int = .max
  ) throws -> TrainingSummary {
    let data = try run.loadData()
    let trainer = try Trainer(
      configuration: run, topology: try .read(), kernels: testKernels, training: data.training, test: data.test,
      initialWeights: nil, resuming: point?.checkpoint)
    let stop = StopFlag()
    if steps == 1 { stop.request() }
    return try trainer.run(stop: stop) { try directory.record($0) }
  }

  private func text(_ path: String) throws -> String { String(decoding: try contents(ofFile: path), as: UTF8.self) }

  /// One step after another, each in a newly opened directory.
  private func steps(_ count: Int, in path: String, _ run: RunConfiguration) throws {
    for _ in 0..<count {
      let point = try RunDirectory.unfinishedRun(in: path)
      let directory = try RunDirectory(path: path, configuration: run, resuming: point)
      _ = try train(directory, run, from: point, steps: 1)
    }
  }

  @Test("the newest and the best checkpoints are kept")
  func keepsTheNewestAndTheBest() throws {
    let folder = try TemporaryFolder()
    let run = try configuration([parsed("checkpoint.keep_last", "2"), parsed("checkpoint.keep_best", "1")])
    try steps(23, in: folder.path, run)
    let kept = try CheckpointFolder(path: folder.path).steps
    #expect(kept.suffix(2) == [22, 23])
    let best = try #require(kept.first)
    #expect(kept.count == 3 && best % 3 == 0, "\(kept)")
    // The first among equals: no earlier epoch was as good, no later one better.
    var accuracies: [Double] = []
    for line in try text(folder.file("metrics.jsonl")).split(separator: "\n")
    where !line.contains("\"val_accuracy\":null") {
      let tail = try #require(line.firstRange(of: "\"val_accuracy\":"))
      accuracies.append(try #require(Double(line[tail.upperBound...].prefix { $0 != "," })))
    }
    #expect(accuracies.count == 7)
    #expect(accuracies.firstIndex(of: accuracies.max() ?? -1) == best / 3 - 1)
  }

  @Test("leftovers and later lines and checkpoints are removed")
  func leftoversLinesAndCheckpointsBehindAreRemoved() throws {
    let folder = try TemporaryFolder()
    let run = try configuration([parsed("checkpoint.keep_last", "9")])
    try steps(5, in: folder.path, run)
    let five = try text(folder.file("metrics.jsonl"))
    _ = try folder.write([1], to: ".lockstep-1-1.tmp")
    _ = try folder.write(Array((five + "{\"step\":6}\n{\"to").utf8), to: "metrics.jsonl")
    let file = try CheckpointFolder(path: folder.path).file(step: 3)
    let point = ResumePoint(checkpoint: try Checkpoint.read(file), file: file)
    do {
      let directory = try RunDirectory(path: folder.path, configuration: run, resuming: point)
      #expect(directory.notes == [])
    }
    // Three steps and an epoch.
    #expect(try text(folder.file("metrics.jsonl")).split(separator: "\n").count == 4)
    #expect(five.hasPrefix(try text(folder.file("metrics.jsonl"))))
    #expect(try CheckpointFolder(path: folder.path).steps == [1, 2, 3])
    #expect(try folder.names.allSatisfy { !$0.hasSuffix(".tmp") })
    _ = try folder.write([], to: "metrics.jsonl")
    #expect(try RunDirectory(path: folder.path, configuration: run, resuming: point).notes.count == 1)
    _ = try RunDirectory(path: folder.path, configuration: run)
    #expect(try CheckpointFolder(path: folder.path).steps == [])
  }

  @Test("a damaged checkpoint costs one step, and if all are damaged that is an error")
  func aDamagedCheckpointCostsOneStepAndAllDamagedAreAnError() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try steps(2, in: folder.path, run)
    _ = try folder.write([1, 2, 3], to: Checkpoint.fileName(step: 2))
    let point = try #require(try RunDirectory.unfinishedRun(in: folder.path))
    #expect(point.checkpoint.step == 1 && point.notes.count == 1)
    let words = "\(folder.file("checkpoint-00000002.safetensors")): ends after 3 bytes; 8 are needed at offset 0"
    #expect(point.notes.first?.hasPrefix(words) == true, "\(point.notes)")
    do {
      let directory = try RunDirectory(path: folder.path, configuration: run, resuming: point)
      #expect(directory.notes == point.notes)
    }
    #expect(
      try contents(ofFile: folder.file("checkpoint-00000002.safetensors.damaged")) == [1, 2, 3], "nothing is lost")
    #expect(try CheckpointFolder(path: folder.path).steps == [1])
    _ = try folder.write([], to: Checkpoint.fileName(step: 1))
    #expect(userError { _ = try RunDirectory.unfinishedRun(in: folder.path) }?.category == .badData)
  }

  /// A file that cannot be opened may be intact: a run must not resume from an older one and remove it.
  @Test("a checkpoint that cannot be opened is an error")
  func aCheckpointThatCannotBeOpenedIsAnError() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try steps(2, in: folder.path, run)
    mkdir(folder.file(Checkpoint.fileName(step: 3)), 0o777)
    let error = userError { _ = try RunDirectory.unfinishedRun(in: folder.path) }
    #expect(
      error == UserError(.inputMissing, folder.file("checkpoint-00000003.safetensors"), "is a folder; a file is needed")
    )
  }

  private func isFinished(_ path: String) throws -> Bool {
    if case .finished = try RunDirectory.state(of: path) { return true }
    return false
  }

  /// The checkpoint decides whether its run was at its end, whatever the files beside it say.
  @Test(
    "the newest checkpoint says whether a run is finished",
    arguments: [
      "", "{\"steps\":1,\"interrupted\":true}\n", "{ \"steps\": 1 }", "{\"interrupted\" : true}", "\u{0}",
    ])
  func theNewestCheckpointSaysWhetherARunIsFinished(summary: String) throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try steps(2, in: folder.path, run)
    _ = try folder.write([], to: "weights.safetensors")
    _ = try folder.write(Array(summary.utf8), to: "summary.json")
    #expect(try !isFinished(folder.path) && RunDirectory.unfinishedRun(in: folder.path)?.checkpoint.step == 2)
    let point = try #require(try RunDirectory.unfinishedRun(in: folder.path))
    let directory = try RunDirectory(path: folder.path, configuration: run, resuming: point)
    let end = try train(directory, run, from: point)
    #expect(try !isFinished(folder.path), "its weights and summary are not written yet")
    let written = try directory.finish(weights: [], summary: end)
    #expect(try isFinished(folder.path))
    #expect(written.newestCheckpoint == "checkpoint-00000024.safetensors" && written.bestCheckpoint != nil)
    _ = try folder.write(Array(summary.utf8), to: "summary.json")
    #expect(try isFinished(folder.path))
    unlink(folder.file("summary.json"))
    #expect(try !isFinished(folder.path))
  }

  @Test("without checkpoints, results show that a run is finished")
  func withoutCheckpointsResultsAreTheSignOfAFinishedRun() throws {
    let folder = try TemporaryFolder()
    #expect(try !isFinished(folder.path) && !isFinished(folder.file("none")))
    _ = try folder.write([1], to: "metrics.jsonl")
    #expect(try !isFinished(folder.path))
    _ = try folder.write([], to: "weights.safetensors")
    #expect(try isFinished(folder.path))
  }

  /// A run that is told to end earlier than it was begun ends with a checkpoint that says so.
  @Test("a run that reached a shorter end is finished")
  func aShorterEndIsAnEnd() throws {
    let folder = try TemporaryFolder()
    try steps(6, in: folder.path, try configuration())
    let shorter = try configuration([parsed("training.epochs", "2")])
    let point = try #require(try RunDirectory.unfinishedRun(in: folder.path))
    let directory = try RunDirectory(path: folder.path, configuration: shorter, resuming: point)
    let end = try train(directory, shorter, from: point)
    #expect(end.steps == 6)
    try directory.finish(weights: [], summary: end)
    #expect(try isFinished(folder.path))
  }

  @Test("file names from older programs are read")
  func namesOfOlderProgramsAreRead() throws {
    let folder = try TemporaryFolder()
    let run = try configuration([parsed("checkpoint.keep_last", "2")])
    try steps(2, in: folder.path, run)
    for step in 1...2 {
      #expect(rename(folder.file(Checkpoint.fileName(step: step)), folder.file("checkpoint-\(step).safetensors")) == 0)
    }
    #expect(try CheckpointFolder(path: folder.path).steps == [1, 2])
    try steps(1, in: folder.path, run)
    #expect(
      try folder.names.filter { $0.hasPrefix("checkpoint") } == [
        "checkpoint-00000003.safetensors", "checkpoint-2.safetensors",
      ])
    for name in ["checkpoint-002.safetensors", "checkpoint--2.safetensors", "checkpoint-.safetensors"] {
      #expect(Checkpoint.step(fileName: name) == nil)
    }
    #expect(Checkpoint.step(fileName: "checkpoint-123456789.safetensors") == 123_456_789)
  }

  /// Between the search for a run to continue and the start, another process created one.
  @Test("a folder that was created meanwhile is left alone")
  func aFolderThatWasMadeMeanwhileIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try steps(2, in: folder.path, run)
    let error = userError { _ = try RunDirectory(path: folder.path, configuration: run, isUnseen: true) }
    #expect(error?.category == .cannotWrite && error?.message.hasPrefix("another process has written a run") == true)
    #expect(try CheckpointFolder(path: folder.path).steps == [1, 2])
  }

  @Test("a checkpoint of another folder brings its lines")
  func aCheckpointOfAnotherFolderBringsItsLines() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    try steps(4, in: folder.file("a"), run)
    let file = try CheckpointFolder(path: folder.file("a")).file(step: 3)
    let point = ResumePoint(checkpoint: try Checkpoint.read(file), file: file)
    let b = try RunDirectory(path: folder.file("b"), configuration: run, resuming: point)
    let whole = try train(b, run, from: point)
    #expect(whole.steps == 24)
    #expect(try text(folder.file("b/metrics.jsonl")).split(separator: "\n").count == 32)
    #expect(try CheckpointFolder(path: folder.file("a")).steps == [3, 4], "the other run stays as it was")
  }

  @Test("one process writes a run")
  func oneProcessWritesARun() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    let first = try RunDirectory(path: folder.path, configuration: run)
    let error = userError { _ = try RunDirectory(path: folder.path, configuration: run) }
    #expect(error?.category == .cannotWrite && error?.message.contains("another process") == true)
    withExtendedLifetime(first) {}
  }

  @Test("a lock that was taken before is kept")
  func aLockTakenBeforehandIsKept() throws {
    let folder = try TemporaryFolder()
    let run = try configuration()
    #expect(try RunLock.take(folder.file("none")) == nil, "nothing to lock, and nothing made")
    #expect(!(try folder.names.contains("none")))
    var lock = try RunLock.take(folder.path)
    let directory = try RunDirectory(path: folder.path, configuration: run, lock: lock)
    lock = nil
    #expect(userError { _ = try RunLock.take(folder.path) }?.category == .cannotWrite)
    withExtendedLifetime(directory) {}
  }

  /// Fails call after call of a checkpoint's writing: each time the previous one is there and can be continued.
  @Test("a failed checkpoint never loses the previous one")
  func aFailedCheckpointNeverCostsThePreviousOne() throws {
    let folder = try TemporaryFolder()
    let run = try configuration([parsed("checkpoint.keep_last", "1")])
    let whole = try train(RunDirectory(path: folder.file("whole"), configuration: run), run)
    let path = folder.file("run")
    try steps(2, in: path, run)
    var failed: Set<FileCall> = []
    for index in 0..<1000 {
      let point = try #require(try RunDirectory.unfinishedRun(in: path))
      #expect(point.checkpoint.step == 2 && point.notes.isEmpty)
      let directory = try RunDirectory(path: path, configuration: run, resuming: point)
      let faults = CallCounter(failing: index)
      let error = userError {
        _ = try FileFaults { faults.ask($0) }.run { try train(directory, run, from: point, steps: 1) }
      }
      guard let call = faults.failed else {
        #expect(error == nil && index > 10)
        break
      }
      failed.insert(call)
      #expect(error?.category == .cannotWrite, "\(call)")
      if call == .synchronizeFolder {
        // The new one is in place already, and the old one not removed yet.
        #expect(try CheckpointFolder(path: path).steps == [2, 3])
        unlink(try CheckpointFolder(path: path).file(step: 3))
      }
    }
    #expect(failed == Set(FileCall.allCases).subtracting([.openFolder]), "the folder is open all the time")
    let point = try #require(try RunDirectory.unfinishedRun(in: path))
    let end = try train(RunDirectory(path: path, configuration: run, resuming: point), run, from: point)
    #expect(end.weightsDigest == whole.weightsDigest)
  }
}

/// Fails the call with one number; used by one task alone.
private final class CallCounter: @unchecked Sendable {
  private let failing: Int
  private var count = 0
  private(set) var failed: FileCall?

  init(failing: Int) { self.failing = failing }

  func ask(_ call: FileCall) -> Int32? {
    defer { count += 1 }
    guard count == failing else { return nil }
    failed = call
    return ENOSPC
  }
}

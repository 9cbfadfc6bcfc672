import Foundation
import TestSupport
import Testing

/// Which process writes a run directory, and where its files end up.
@Suite struct FolderProgramTests {
  private func digest(_ text: String) -> Substring? {
    text.firstRange(of: "sha256:").map { text[$0.lowerBound...].prefix(71) }
  }

  /// The run that lost its folder ends, and the one that has the path now keeps what it wrote.
  @Test("a folder that is replaced is not written", arguments: [false, true])
  func aFolderThatIsReplacedIsNotWritten(isMoved: Bool) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let first = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    first.wait { folder.exists("runs/tiny/metrics.jsonl") }
    kill(first.id, SIGSTOP)
    let path = "\(folder.path)/runs/tiny"
    if isMoved {
      #expect(rename(path, "\(folder.path)/gone") == 0)
    } else {
      try FileManager.default.removeItem(atPath: path)
    }
    let second = try Executable.run(["train", file, "--json"], folder: folder.path)
    #expect(second.exitCode == 0, "\(second.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    let metrics = try folder.text("runs/tiny/metrics.jsonl")
    kill(first.id, SIGCONT)
    #expect(first.end() && first.process.terminationReason == .exit && first.process.terminationStatus == 74)
    let errors = try first.errors()
    #expect(
      errors.hasPrefix("lockstep: runs/tiny: is no longer the folder that the run began in: another one is there now\n")
        || errors.hasPrefix("lockstep: runs/tiny/checkpoint-"), "\(errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == names)
    #expect(try folder.text("runs/tiny/metrics.jsonl") == metrics)
    let summary = try folder.text("runs/tiny/summary.json")
    #expect(digest(second.output) != nil && digest(summary) == digest(second.output))
  }

  /// As on network file systems: the folder cannot be locked, yet only one process writes it, and a killed one does not block it.
  @Test("without the system's lock, one process writes", arguments: ["ENOLCK", "EBADF"])
  func withoutTheSystemsLockOneProcessWrites(error: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let train: [String] = [error, "flock", Executable.path, "train", file]
    func run(_ arguments: [String]) throws -> ProcessResult {
      try Executable.run(arguments, folder: folder.path, executable: Executable.refusedCalls)
    }
    let process = Executable.process(train + ResumeProgramTests.endless, folder: folder.path)
    process.executableURL = URL(fileURLWithPath: Executable.refusedCalls)
    process.standardError = FileHandle(forWritingAtPath: try folder.write("", to: "errors"))
    try process.run()
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline, !folder.exists("runs/tiny/metrics.jsonl") { Thread.sleep(forTimeInterval: 0.001) }
    let second = try run(train)
    #expect(second.exitCode == 74)
    #expect(second.errors.contains("another process is writing a run there: process "), "\(second.errors)")
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(try folder.text("errors").contains("runs/tiny cannot be locked by the system ("))
    let third = try run(train + ["--resume", "never"])
    #expect(third.exitCode == 0, "\(third.errors)")
    #expect(!folder.exists("runs/tiny/.lockstep-owner"))
  }

  /// Opening a named pipe waits for the other end to be opened.
  @Test("a pipe in the place of a file gives 74")
  func aPipeInThePlaceOfAFileIs74() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    try FileManager.default.createDirectory(atPath: "\(folder.path)/d", withIntermediateDirectories: true)
    #expect(mkfifo("\(folder.path)/d/metrics.jsonl", 0o600) == 0)
    let run = try RunningProcess(["train", file, "--output", "d"], in: folder)
    #expect(run.end() && run.process.terminationStatus == 74)
    let errors = try run.errors()
    #expect(errors.hasPrefix("lockstep: d/metrics.jsonl: "), "\(errors)")
  }
}

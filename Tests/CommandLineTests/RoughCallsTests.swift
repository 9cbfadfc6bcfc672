import Foundation
import Runs
import TestSupport
import Testing

/// Words, names and folders as people and other programs may hand them over.
@Suite struct RoughCallsTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(ProgramTests.tiny, to: "tiny.json")
  }

  @Test func aPathThatIsNotTextIsRefused() throws {
    let result: ProcessResult = try Executable.run(
      ["-c", "exec \"$0\" train \"$1\" --output $'d\\xff'", Executable.path, file], folder: folder.path,
      executable: "/bin/bash")
    #expect(result.exitCode == 64 && result.errors.hasPrefix("lockstep: argument 4: found d"), "\(result.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["tiny.json"])
  }

  @Test(.enabled(if: Mounts.areAllowed, "this system lets nobody mount"))
  func withoutProcTheWordsAreFound() throws {
    let result: ProcessResult = try Mounts.run(
      "mount -t tmpfs none /proc && exec \"$@\"", ["train", file, "--quiet", "--output", "d"], folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(folder.exists("d/summary.json"))
  }

  /// Neither steers the terminal, nor turns around what is read after it.
  @Test func namesCannotSteerATerminal() throws {
    let text: String = ProgramTests.tiny.replacing("\"tiny\"", with: "\"a\u{9B}2Jb\u{202E}c\"")
    let result: ProcessResult = try Executable.run(
      ["train", try folder.write(text, to: "rough.json"), "--output", "d"], folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("a?2Jb?c"))
    let steers: (Unicode.Scalar) -> Bool = { $0.value == 0x9B || $0.value == 0x202E }
    #expect(!(result.errors + result.output).unicodeScalars.contains(where: steers))
  }

  @Test func aMessageIsShorterThanWhatItIsAbout() throws {
    let long: String = String(repeating: "x", count: 100_000)
    let result: ProcessResult = try Executable.run(["config", file, "--set", "name.\(long)=1"], folder: folder.path)
    #expect(result.exitCode == 78 || result.exitCode == 64)
    #expect(result.errors.utf8.count < 20_000 && result.errors.contains(" characters … "))
  }

  @Test func aPipeBelowACopiedTreeIsNoFile() throws {
    try FileManager.default.createDirectory(atPath: "\(folder.path)/root/proc", withIntermediateDirectories: true)
    #expect(mkfifo("\(folder.path)/root/proc/meminfo", 0o600) == 0)
    let run: RunningProcess = try RunningProcess(["topology", "--topology-root", "root"], in: folder)
    #expect(run.end(), "it waits for somebody at the other end of the pipe")
  }

  @Test func metricsThatVanishAre74() throws {
    let run: RunningProcess = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    run.wait { folder.exists("runs/tiny/metrics.jsonl") }
    unlink("\(folder.path)/runs/tiny/metrics.jsonl")
    let hasEnded: Bool = run.end()
    let errors: String = try run.errors()
    #expect(hasEnded && run.process.terminationStatus == 74)
    #expect(errors == "lockstep: runs/tiny/metrics.jsonl: was removed or replaced while the run wrote it\n")
  }

  /// What a newer program wrote is not damaged: it stays where it is.
  @Test func aCheckpointOfANewerFormatStays() throws {
    let trained: ProcessResult = try Executable.run(["train", file, "--quiet"], folder: folder.path)
    #expect(trained.exitCode == 0)
    unlink("\(folder.path)/runs/tiny/summary.json")
    let name: String = Checkpoint.fileName(step: 6)
    var bytes: [UInt8] = try contents(ofFile: "\(folder.path)/runs/tiny/\(name)")
    let key: [UInt8] = Array("\"format_version\":\"1\"".utf8)
    let start: Int = try #require((0..<bytes.count - key.count).first { bytes[$0..<$0 + key.count].elementsEqual(key) })
    bytes[start + key.count - 2] = UInt8(ascii: "7")
    _ = try folder.write(bytes, to: "runs/tiny/\(name)")
    let result: ProcessResult = try Executable.run(["train", file, "--quiet"], folder: folder.path)
    #expect(result.exitCode == 65)
    #expect(result.errors.contains("has format_version \"7\"; this program reads 1\n  hint: a newer program"))
    #expect(folder.exists("runs/tiny/\(name)"))
  }
}

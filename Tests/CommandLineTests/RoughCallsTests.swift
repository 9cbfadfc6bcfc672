import Foundation
import Runs
import TestSupport
import Testing

/// Arguments, names and folders as people and other programs may pass them.
@Suite struct RoughCallsTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(ProgramTests.tiny, to: "tiny.json")
  }

  @Test("a path that is not text is refused")
  func aPathThatIsNotTextIsRefused() throws {
    let result = try Executable.run(
      ["-c", "exec \"$0\" train \"$1\" --output $'d\\xff'", Executable.path, file], folder: folder.path,
      executable: "/bin/bash")
    #expect(result.exitCode == 64 && result.errors.hasPrefix("lockstep: argument 4: found d"), "\(result.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["tiny.json"])
  }

  @Test("without /proc the arguments are found", .enabled(if: Mounts.areAllowed, "this system does not allow mounts"))
  func withoutProcTheWordsAreFound() throws {
    let result = try Mounts.run(
      "mount -t tmpfs none /proc && exec \"$@\"", ["train", file, "--quiet", "--output", "d"], folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(folder.exists("d/summary.json"))
  }

  /// Neither controls the terminal, nor reverses the text after it.
  @Test("names cannot control a terminal")
  func namesCannotSteerATerminal() throws {
    let text = ProgramTests.tiny.replacing("\"tiny\"", with: "\"a\u{9B}2Jb\u{202E}c\"")
    let result = try Executable.run(
      ["train", try folder.write(text, to: "rough.json"), "--output", "d"], folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("a?2Jb?c"))
    let steers: (Unicode.Scalar) -> Bool = { $0.value == 0x9B || $0.value == 0x202E }
    #expect(!(result.errors + result.output).unicodeScalars.contains(where: steers))
  }

  @Test("a message is shorter than what it is about")
  func aMessageIsShorterThanWhatItIsAbout() throws {
    let long = String(repeating: "x", count: 100_000)
    let result = try Executable.run(["config", file, "--set", "name.\(long)=1"], folder: folder.path)
    #expect(result.exitCode == 78 || result.exitCode == 64)
    #expect(result.errors.utf8.count < 20_000 && result.errors.contains(" characters … "))
  }

  @Test("a pipe in a copied tree is not a file")
  func aPipeBelowACopiedTreeIsNoFile() throws {
    try FileManager.default.createDirectory(atPath: "\(folder.path)/root/proc", withIntermediateDirectories: true)
    #expect(mkfifo("\(folder.path)/root/proc/meminfo", 0o600) == 0)
    let run = try RunningProcess(["topology", "--topology-root", "root"], in: folder)
    #expect(run.end(), "it waits for the other end of the pipe")
  }

  @Test("metrics that vanish give 74")
  func metricsThatVanishAre74() throws {
    let run = try RunningProcess(["train", file] + ResumeProgramTests.endless, in: folder)
    run.wait { folder.exists("runs/tiny/metrics.jsonl") }
    unlink("\(folder.path)/runs/tiny/metrics.jsonl")
    let hasEnded = run.end()
    let errors = try run.errors()
    #expect(hasEnded && run.process.terminationStatus == 74)
    #expect(errors == "lockstep: runs/tiny/metrics.jsonl: was removed or replaced while the run wrote it\n")
  }

  /// What a newer program wrote is not damaged: it stays where it is.
  @Test("a checkpoint of a newer format is kept")
  func aCheckpointOfANewerFormatStays() throws {
    let trained = try Executable.run(["train", file, "--quiet"], folder: folder.path)
    #expect(trained.exitCode == 0)
    unlink("\(folder.path)/runs/tiny/summary.json")
    let name = Checkpoint.fileName(step: 6)
    var bytes = try contents(ofFile: "\(folder.path)/runs/tiny/\(name)")
    let key: [UInt8] = Array("\"format_version\":\"1\"".utf8)
    let start = try #require((0..<bytes.count - key.count).first { bytes[$0..<$0 + key.count].elementsEqual(key) })
    bytes[start + key.count - 2] = UInt8(ascii: "7")
    _ = try folder.write(bytes, to: "runs/tiny/\(name)")
    let result = try Executable.run(["train", file, "--quiet"], folder: folder.path)
    #expect(result.exitCode == 65)
    #expect(result.errors.contains("has format_version \"7\"; this program reads 1\n  hint: a newer program"))
    #expect(folder.exists("runs/tiny/\(name)"))
  }
}

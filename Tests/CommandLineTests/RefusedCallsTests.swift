import Foundation
import Testing

/// The program under a kernel that refuses what it asks for, as containers, old kernels and broken devices do.
@Suite struct RefusedCallsTests {
  private func run(
    refusing calls: String, with error: String, _ arguments: [String], _ folder: TemporaryFolder
  ) throws -> ProcessResult {
    try Executable.run(
      [error, calls, Executable.path] + arguments, folder: folder.path, executable: Executable.refusedCalls)
  }

  private func digest(_ text: String) -> Substring? {
    text.firstRange(of: "sha256:").map { text[$0.lowerBound...].prefix(71) }
  }

  /// Only speed suffers: the run ends with the same bits.
  @Test(
    "a refused call that only affects speed is done without",
    arguments: [
      ("mbind,set_mempolicy,get_mempolicy,move_pages,migrate_pages,sched_setaffinity,setpriority", "EPERM"),
      ("mbind,set_mempolicy,get_mempolicy,move_pages,migrate_pages", "ENOSYS"), ("madvise,fadvise64", "EPERM"),
      ("sched_getaffinity", "EPERM"), ("flock", "ENOLCK"),
    ])
  func whatIsOnlySpeedIsDoneWithout(calls: String, error: String) throws {
    let folder = try TemporaryFolder()
    let train: [String] = [
      "train", ResumeProgramTests.digits, "--epochs", "1", "--json", "--quiet", "--workers", "2",
    ]
    let free = try Executable.run(train + ["--output", "free"], folder: folder.path)
    let bound = try run(refusing: calls, with: error, train + ["--output", "bound"], folder)
    #expect(bound.exitCode == 0, "\(bound.errors)")
    #expect(digest(free.output) != nil && digest(bound.output) == digest(free.output))
    let topology = try run(refusing: calls, with: error, ["topology"], folder)
    #expect(topology.exitCode == 0, "\(topology.errors)")
  }

  /// A device that takes bytes and then fails to keep them.
  @Test(
    "a refused call that loses results gives 74",
    arguments: [
      ("fsync", "EIO", "cannot be synced to the device: Input/output error"),
      ("rename,renameat,renameat2", "EROFS", "cannot be replaced: Read-only file system"),
    ])
  func whatCannotBeKeptIs74(calls: String, error: String, words: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    #expect(try Executable.run(["train", file, "--quiet"], folder: folder.path).exitCode == 0)
    let before = try folder.text("runs/tiny/summary.json")
    let result = try run(
      refusing: calls, with: error, ["train", file, "--epochs", "3", "--overwrite"], folder)
    #expect(result.exitCode == 74)
    #expect(result.errors == "lockstep: runs/tiny/config.json: \(words)\n")
    #expect(try folder.text("runs/tiny/summary.json") == before)
    let evaluated = try Executable.run(
      ["evaluate", file, "--weights", "runs/tiny/checkpoint-00000006.safetensors"], folder: folder.path)
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
  }
}

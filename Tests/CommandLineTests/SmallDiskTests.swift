import Foundation
import Testing

/// The program on file systems of a few KiB, mounted for it alone.
@Suite(.enabled(if: Mounts.areAllowed, "this system does not allow mounts"))
struct SmallDiskTests {
  /// A digits checkpoint has 113 KiB: two fit, not three beside their other files.
  @Test("a disk that fills gives 74, and its checkpoints stay")
  func aDiskThatFillsIs74AndItsCheckpointsStay() throws {
    let folder = try TemporaryFolder()
    let mount = "mkdir disk saved && mount -t tmpfs -o size=304k none disk"
    // The file system goes with the process, so its files are saved.
    let train = "\"$@\"; status=$?; cp -p disk/run/* saved; exit $status"
    let result = try Mounts.run(
      "\(mount) && { \(train); }",
      [
        "train", ResumeProgramTests.digits, "--epochs", "40", "--quiet", "--output", "disk/run",
        "--set", "checkpoint.keep_last=9",
      ], folder.path)
    #expect(result.exitCode == 74, "\(result.errors)")
    #expect(result.errors.hasPrefix("lockstep: disk/run/checkpoint-"), "\(result.errors)")
    #expect(result.errors.hasSuffix(": No space left on device\n"), "\(result.errors)")
    let saved = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/saved")
    #expect(!saved.contains { $0.hasSuffix(".tmp") })
    let rest = try Executable.run(
      ["train", ResumeProgramTests.digits, "--epochs", "40", "--json", "--output", "saved"], folder: folder.path)
    #expect(rest.exitCode == 0 && rest.errors.contains("continuing saved/checkpoint-"), "\(rest.errors)")
    let whole = try Executable.run(
      ["train", ResumeProgramTests.digits, "--epochs", "40", "--json", "--output", "whole"], folder: folder.path)
    #expect(digest(rest.output) != nil && digest(rest.output) == digest(whole.output))
  }

  /// Nothing is kept in shared memory, so a full one does not matter.
  @Test("a full shared memory does not matter")
  func aFullSharedMemoryDoesNotMatter() throws {
    let folder = try TemporaryFolder()
    let fill = "mount -t tmpfs -o size=4k none /dev/shm && ! head -c 8192 /dev/zero 2>&- >/dev/shm/full"
    let train = ["train", ResumeProgramTests.digits, "--epochs", "2", "--json", "--quiet", "--workers", "3"]
    let full = try Mounts.run("\(fill) && exec \"$@\"", train + ["--output", "full"], folder.path)
    #expect(full.exitCode == 0, "\(full.errors)")
    let free = try Executable.run(train + ["--output", "free"], folder: folder.path)
    #expect(digest(free.output) != nil && digest(full.output) == digest(free.output))
  }

  private func digest(_ text: String) -> Substring? {
    text.firstRange(of: "sha256:").map { text[$0.lowerBound...].prefix(71) }
  }
}

/// Processes that may mount file systems that no other process sees.
enum Mounts {
  static let areAllowed: Bool = {
    let result: ProcessResult? = try? run("mount -t tmpfs none /dev/shm", [], NSTemporaryDirectory())
    return result?.exitCode == 0
  }()

  /// Runs the shell's `script` with the program and its arguments as `$@`.
  static func run(_ script: String, _ arguments: [String], _ folder: String) throws -> ProcessResult {
    try Executable.run(
      ["unshare", "--map-root-user", "--mount", "bash", "-c", script, "bash", Executable.path] + arguments,
      folder: folder, executable: "/usr/bin/env")
  }
}

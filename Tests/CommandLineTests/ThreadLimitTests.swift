import Foundation
import Testing

/// Fewer threads than workers: the program says so instead of waiting forever.
@Suite struct ThreadLimitTests {
  /// Where control groups that limit tasks can be made; tests may not be allowed to.
  private static let group: String? = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].first { folder in
    let path = "\(folder)/lockstep-test-\(getpid())"
    guard mkdir(path, 0o755) == 0 else { return false }
    defer { rmdir(path) }
    return access("\(path)/pids.max", W_OK) == 0
  }

  private func commands(_ folder: TemporaryFolder) throws -> [[String]] {
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let trained = try Executable.run(["train", file, "--quiet", "--output", "w"], folder: folder.path)
    #expect(trained.exitCode == 0, "\(trained.errors)")
    return [
      ["train", file], ["evaluate", file, "--weights", "w/weights.safetensors"], ["bench", "throughput", file],
    ]
  }

  @Test(
    "a control group of three tasks is refused",
    .enabled(if: group != nil, "this system does not allow new control groups"))
  func aControlGroupOfThreeTasks() throws {
    let folder = try TemporaryFolder()
    let group = "\(Self.group ?? "")/lockstep-test-\(UUID().uuidString)"
    #expect(mkdir(group, 0o755) == 0)
    defer { rmdir(group) }
    try "3".write(toFile: "\(group)/pids.max", atomically: false, encoding: .utf8)
    for (command, started): ([String], Int) in zip(try commands(folder), [1, 2, 2]) {
      let result = try Executable.run(
        command + ["--workers", "3", "--quiet"], folder: folder.path, limit: "echo $$ > \(group)/cgroup.procs")
      #expect(result.exitCode == 71, "\(command)")
      #expect(
        result.errors.hasPrefix(
          "lockstep: runtime.workers: workers need 3 threads, but only \(started) of 3 could be started (pids.max of "
            + "control group "), "\(result.errors)")
      #expect(result.errors.contains(" is 3)\n"), "\(result.errors)")
    }
  }

  @Test("address space for a few stacks is refused")
  func anAddressSpaceForAFewStacks() throws {
    let folder = try TemporaryFolder()
    for command in try commands(folder) {
      let result = try Executable.run(
        command + ["--workers", "90", "--quiet", "--set", "training.batch_size=400"], folder: folder.path,
        limit: "ulimit -v 400000")
      #expect(result.exitCode == 71, "\(command): \(result.errors)")
      #expect(result.errors.contains("ulimit -v"), "\(result.errors)")
    }
  }

  @Test("a limit without any thread is refused")
  func noThreadAtAll() throws {
    let folder = try TemporaryFolder()
    for command in try commands(folder) {
      let result = try Executable.run(
        ["EAGAIN", "clone,clone3", Executable.path] + command, folder: folder.path, executable: Executable.refusedCalls)
      #expect(result.exitCode == 71, "\(command)")
      #expect(result.errors.contains("only 0 of 2 could be started (Resource temporarily unavailable"))
    }
  }
}

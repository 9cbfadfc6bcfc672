import Foundation
import Testing

/// The benchmark commands as scripts see them, on a net that takes no time.
@Suite(.serialized) struct BenchmarkTests {
  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("bench scaling writes a table, JSON and a chart")
  func scalingWritesTableJSONAndChart() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let result = try Executable.run(
      ["bench", "scaling", file, "--worker-counts", "1", "--predict", "2x2", "--json", "--quiet"], folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors == "")
    let points: [[String: Any]] = try #require(try json(result.output)["points"] as? [[String: Any]])
    #expect(points.count == 1)
    #expect(Set(points[0].keys).isSuperset(of: ["workers", "images_per_second", "efficiency", "breakdown_ms"]))
    #expect(try folder.text("runs/tiny-scaling/scaling.json") == result.output)
    #expect(try folder.text("runs/tiny-scaling/scaling.svg").hasPrefix("<svg"))
    #expect(try folder.text("runs/tiny-scaling/scaling.txt").contains("predicted for 2x2"))
    let lines = try folder.text("runs/tiny-scaling/scaling.txt").split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("assumed: ") && $0.contains("contention 1.000") })
    #expect(!lines.contains { $0.hasPrefix("measured: ") && $0.contains("contention") })
    let wrong = try Executable.run(["bench", "scaling", file, "--predict", "big"])
    #expect(wrong.exitCode == 64)
  }

  @Test("bench kernels and bench allreduce need no configuration")
  func kernelsAndAllReduceNeedNoConfiguration() throws {
    let kernels = try Executable.run(["bench", "kernels", "--json"])
    #expect(kernels.exitCode == 0, "\(kernels.errors)")
    let layers: [[String: Any]] = try #require(try json(kernels.output)["layers"] as? [[String: Any]])
    #expect(layers.count == 11, "four layers in three passes, the first without an input gradient")
    let reduction = try Executable.run(["bench", "allreduce", "--parameters", "1000", "--json"])
    #expect(reduction.exitCode == 0, "\(reduction.errors)")
    #expect(try (json(reduction.output)["sizes"] as? [[String: Any]])?.first?["parameters"] as? Int == 1024)
  }

  @Test("tune keeps the configuration and its digest")
  func tuneKeepsTheConfigurationAndItsDigest() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    // Other tests run beside this one, so the result may be uncertain.
    let result = try Executable.run(
      ["tune", file, "--write", folder.path + "/tuned.json", "--force", "--json"])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try json(result.output)["runtime"] != nil)
    let tuned = try folder.text("tuned.json")
    #expect(tuned.contains("// comments are allowed"))
    #expect(tuned.contains("\"shard_size\": 4"))
    let digests: [String?] = try [file, folder.path + "/tuned.json"].enumerated().map { index, path in
      let run = try Executable.run(
        ["train", path, "--json", "--quiet", "--output", folder.path + "/run\(index)"])
      return try json(run.output)["weights_digest"] as? String
    }
    #expect(digests[0] != nil && digests[0] == digests[1])
  }

  /// A core that another program keeps busy costs the setting that uses all cores more than the others.
  @Test("tune does not write what a busy machine measured")
  func tuneDoesNotWriteWhatABusyMachineSays() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let busy = Process()
    busy.executableURL = URL(fileURLWithPath: "/bin/bash")
    busy.arguments = ["-c", "while :; do :; done"]
    try busy.run()
    // The test's own signal mask may block a gentler signal.
    defer { kill(busy.processIdentifier, SIGKILL) }
    let result = try Executable.run(["tune", file, "--write", folder.path + "/tuned.json", "--json"])
    #expect(result.exitCode == 71, "\(result.errors)")
    #expect(!folder.exists("tuned.json"))
    #expect(result.errors.contains("--write: nothing is written, as the best setting is uncertain: "))
    #expect(result.errors.contains("CPUs busy during the search"), "\(result.errors)")
    #expect(try json(result.output)["uncertain"] as? Bool == true)
  }
}

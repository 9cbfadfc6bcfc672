import Foundation
import Testing

/// A clock that goes back, as those of virtual machines may: results are as ever, and times are only times.
@Suite struct SteppingClockTests {
  /// The program with such a clock; see Tests/SteppingClock.
  private static let program: String = URL(fileURLWithPath: Executable.path).deletingLastPathComponent()
    .appending(path: "SteppingClock").path

  @Test func trainingEndsInTheSameWeights() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    func result(_ executable: String, _ output: String) throws -> [String: Any] {
      let result: ProcessResult = try Executable.run(
        ["train", file, "--output", output, "--json", "--epochs", "60", "--set", "checkpoint.every_seconds=0.001"],
        folder: folder.path, executable: executable)
      #expect(result.exitCode == 0, "\(result.errors)")
      return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }
    let (stepping, steady): ([String: Any], [String: Any]) = (
      try result(Self.program, "stepping"), try result(Executable.path, "steady")
    )
    #expect(stepping["weights_digest"] as? String == steady["weights_digest"] as? String)
    // A step back of an hour would show.
    #expect(try #require(stepping["elapsed_s"] as? Double) < 600)
    #expect(try #require(stepping["images_per_second"] as? Double) >= 0)
  }

  @Test(arguments: [
    ["bench", "throughput", "tiny.json"], ["bench", "throughput", "tiny.json", "--inference"],
    ["bench", "kernels", "tiny.json"],
    ["bench", "allreduce", "--parameters", "1000"],
    ["bench", "scaling", "tiny.json", "--worker-counts", "1,2", "--predict", "2x2"],
  ])
  func measurementsEnd(arguments: [String]) throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    _ = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let result: ProcessResult = try Executable.run(
      arguments + ["--json", "--quiet"], folder: folder.path, executable: Self.program)
    #expect(result.exitCode == 0, "\(result.errors)")
  }
}

import Foundation
import Testing

/// The program in little memory: it says beforehand that a run does not fit, and one that starts can write and continue.
@Suite struct MemoryLimitTests {
  /// 8 MiB of weights: a checkpoint does not fit where the run without it just did.
  private static let wide: String = """
    { model: { input: [32, 32, 1], layers: [{ type: "flatten" }, { type: "dense", units: 2048 },
        { type: "dense", units: 3 }, { type: "softmax" }] },
      data: { format: "synthetic", examples: 32, test_examples: 0, classes: 3 },
      training: { epochs: 1, batch_size: 16, optimizer: { type: "sgd", lr: 0.001 } },
      runtime: { workers: 2, shard_size: 4 } }
    """

  @Test(arguments: ["v", "d"])
  func aLimitIsKeptOrSaid(flag: String) throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(Self.wide, to: "wide.json")
    var codes: [Int32] = []
    for mebibytes: Int in stride(from: 60, through: 420, by: 20) {
      let limit: String = "ulimit -\(flag) \(mebibytes << 10)"
      let output: String = "run-\(mebibytes)"
      let started: ProcessResult = try Executable.run(
        ["train", file, "--quiet", "--output", output], folder: folder.path, limit: limit)
      codes.append(started.exitCode)
      guard started.exitCode == 0 else {
        #expect(started.exitCode == 71 && started.errors.contains("ulimit -\(flag)"), "\(limit): \(started.errors)")
        continue
      }
      let checkpoint: String = try #require(
        try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(output)").first {
          $0.hasPrefix("checkpoint-")
        })
      let continued: ProcessResult = try Executable.run(
        ["train", file, "--quiet", "--output", "on-\(mebibytes)", "--epochs", "2"]
          + ["--resume", "\(output)/\(checkpoint)"], folder: folder.path, limit: limit)
      #expect(continued.exitCode == 0, "\(limit): \(continued.errors)")
      try FileManager.default.removeItem(atPath: "\(folder.path)/\(output)")
    }
    #expect(codes.first == 71 && codes.last == 0 && codes == codes.sorted(by: >), "\(codes)")
  }

  /// Where the program has only just been loaded, it does not fail before it can count.
  @Test func nextToNoMemoryIsRefused() throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    func starts(_ kibibytes: Int) throws -> Bool {
      try Executable.run(["--version"], folder: folder.path, limit: "ulimit -v \(kibibytes)").exitCode == 0
    }
    var (below, least): (Int, Int) = (0, 1 << 20)
    while least - below > 64 {
      let middle: Int = (below + least) / 2
      if try starts(middle) { least = middle } else { below = middle }
    }
    for step: Int in 0..<24 {
      let limit: String = "ulimit -v \(least + 256 * step)"
      let result: ProcessResult = try Executable.run(["train", file, "--quiet"], folder: folder.path, limit: limit)
      #expect(result.exitCode == 71 || result.errors.contains("error while loading"), "\(limit): \(result.errors)")
    }
  }

  @Test(arguments: [(40, 71), (255, 71), (256, 0)])
  func aStackIsEnoughOrRefused(kibibytes: Int, code: Int32) throws {
    let folder: TemporaryFolder = try TemporaryFolder()
    let file: String = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let result: ProcessResult = try Executable.run(
      ["train", file, "--quiet"], folder: folder.path, limit: "ulimit -s \(kibibytes)")
    #expect(result.exitCode == code, "\(result.errors)")
    if code != 0 { #expect(result.errors.contains("(ulimit -s \(kibibytes)); allowed: at least 262144\n")) }
  }
}

import Foundation
import Testing

/// The program in little memory: it says in advance that a run does not fit, and one that starts can write and continue.
@Suite struct MemoryLimitTests {
  /// 8 MiB of weights: a checkpoint does not fit where the run without it just did.
  private static let wide = """
    { model: { input: [32, 32, 1], layers: [{ type: "flatten" }, { type: "dense", units: 2048 },
        { type: "dense", units: 3 }, { type: "softmax" }] },
      data: { format: "synthetic", examples: 32, test_examples: 0, classes: 3 },
      training: { epochs: 1, batch_size: 16, optimizer: { type: "sgd", lr: 0.001 } },
      runtime: { workers: 2, shard_size: 4 } }
    """

  @Test("a limit is kept, or an error says so", arguments: ["v", "d"])
  func aLimitIsKeptOrSaid(flag: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.wide, to: "wide.json")
    var codes: [Int32] = []
    for mebibytes in stride(from: 60, through: 420, by: 20) {
      let limit = "ulimit -\(flag) \(mebibytes << 10)"
      let output = "run-\(mebibytes)"
      let started = try Executable.run(
        ["train", file, "--quiet", "--output", output], folder: folder.path, limit: limit)
      codes.append(started.exitCode)
      guard started.exitCode == 0 else {
        #expect(started.exitCode == 71 && started.errors.contains("ulimit -\(flag)"), "\(limit): \(started.errors)")
        continue
      }
      let checkpoint = try #require(
        try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(output)").first {
          $0.hasPrefix("checkpoint-")
        })
      let continued = try Executable.run(
        ["train", file, "--quiet", "--output", "on-\(mebibytes)", "--epochs", "2"]
          + ["--resume", "\(output)/\(checkpoint)"], folder: folder.path, limit: limit)
      #expect(continued.exitCode == 0, "\(limit): \(continued.errors)")
      try FileManager.default.removeItem(atPath: "\(folder.path)/\(output)")
    }
    #expect(codes.first == 71 && codes.last == 0 && codes == codes.sorted(by: >), "\(codes)")
  }

  /// 180 MiB of feature maps for 512 images, of which a part fits.
  private static let normed = """
    { model: { input: [32, 32, 8], layers: [{ type: "conv2d", filters: 16, kernel_size: 3, padding: "same" },
        { type: "batch_norm" }, { type: "relu" }, { type: "global_avg_pool2d" }, { type: "dense", units: 3 },
        { type: "softmax" }] },
      data: { format: "synthetic", examples: 512, test_examples: 0, classes: 3 },
      training: { epochs: 1, batch_size: 512, optimizer: { type: "sgd", lr: 0.001 } },
      runtime: { workers: 1, shard_size: 16 } }
    """

  @Test("the largest batch that fits is named, and fits")
  func theLargestBatchThatFitsIsNamedAndFits() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.normed, to: "normed.json")
    func train(_ batch: Int, mebibytes: Int) throws -> (code: Int32, errors: String) {
      let result = try Executable.run(
        [
          "train", file, "--no-progress", "--overwrite", "--resume", "never", "--output", "run", "--batch-size",
          "\(batch)",
        ],
        folder: folder.path, limit: "ulimit -v \(mebibytes << 10)")
      return (result.exitCode, result.errors)
    }
    // More than the program alone takes, and less than the batch does.
    var found: (batch: Int, mebibytes: Int)?
    for mebibytes in stride(from: 120, through: 400, by: 40) where found == nil {
      let (code, errors) = try train(512, mebibytes: mebibytes)
      guard code == 71 else { break }
      let hint = errors.components(separatedBy: "largest training.batch_size that fits is ").dropFirst().first
      if let batch = hint.flatMap({ Int($0.prefix(while: \.isNumber)) }), batch > 64, batch < 448 {
        found = (batch, mebibytes)
      }
    }
    let (batch, mebibytes) = try #require(found)
    let smaller = try train(batch - 16, mebibytes: mebibytes)
    #expect(smaller.code == 0, "\(smaller.errors)")
    #expect(smaller.errors.contains("  memory   "), "\(smaller.errors)")
    #expect(try train(batch + 32, mebibytes: mebibytes).code == 71)
  }

  /// With just enough memory to load the program, it does not fail before it can count.
  @Test("almost no memory is refused")
  func nextToNoMemoryIsRefused() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    func starts(_ kibibytes: Int) throws -> Bool {
      try Executable.run(["--version"], folder: folder.path, limit: "ulimit -v \(kibibytes)").exitCode == 0
    }
    var (below, least): (Int, Int) = (0, 1 << 20)
    while least - below > 64 {
      let middle = (below + least) / 2
      if try starts(middle) { least = middle } else { below = middle }
    }
    for step in 0..<24 {
      let limit = "ulimit -v \(least + 256 * step)"
      let result = try Executable.run(["train", file, "--quiet"], folder: folder.path, limit: limit)
      #expect(result.exitCode == 71 || result.errors.contains("error while loading"), "\(limit): \(result.errors)")
    }
  }

  @Test("a stack is large enough or refused", arguments: [(40, 71), (255, 71), (256, 0)])
  func aStackIsEnoughOrRefused(kibibytes: Int, code: Int32) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let result = try Executable.run(
      ["train", file, "--quiet"], folder: folder.path, limit: "ulimit -s \(kibibytes)")
    #expect(result.exitCode == code, "\(result.errors)")
    if code != 0 { #expect(result.errors.contains("(ulimit -s \(kibibytes)); allowed: at least 262144\n")) }
  }
}

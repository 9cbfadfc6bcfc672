import Foundation
import Storage
import TestSupport
import Testing

/// Runs whose decoded images are mapped from a file: the same digest, whoever is killed when.
@Suite struct DecodedCacheProgramTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for (k, name) in ["a", "b", "c"].enumerated() {
      try folder.makeFolder("photos/\(name)")
      for i in 0..<40 {
        let pixels = (0..<60 * 50).map { UInt8(truncatingIfNeeded: $0 * (k + 2) + i * 11) }
        _ = try folder.write(pngFile(height: 60, width: 50, grey: pixels), to: "photos/\(name)/\(i).png")
      }
    }
    _ = try folder.write(
      """
      { model: { input: [16, 16, 1], layers: [{ type: "flatten" }, { type: "dense", units: 3 }, { type: "softmax" }] },
        data: { format: "image_folder", train: "photos", validation_split: 0.2, resize: { shorter_side: 18 },
          crop: "center", mean: "auto", augment: { horizontal_flip: 0.5, mixup: 0.2 } },
        training: { epochs: 30, batch_size: 16, optimizer: { lr: 0.01 } }, checkpoint: { every_steps: 5 } }
      """, to: "net.json")
  }

  private func train(_ output: String, _ arguments: String...) throws -> ProcessResult {
    let result = try Executable.run(
      ["train", "net.json", "--output", output] + arguments, folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    return result
  }

  private func digest(_ output: String) throws -> JSONValue? {
    try JSONReader.value(of: folder.text("\(output)/summary.json"), subject: "summary")["weights_digest"]
  }

  private func caches() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.file("d")).filter { !$0.hasPrefix("run") }.sorted()
  }

  @Test("memory and file, one worker and three, give one digest; the header names the file")
  func oneDigest() throws {
    let memory = try train("m/run", "--set", "data.cache=memory")
    #expect(!memory.errors.contains("mapped from"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("m")) == ["run"])
    let first = try train("d/run", "--set", "data.cache=disk", "--workers", "1")
    let names = try caches()
    #expect(names.count == 2 && names.allSatisfy { $0.hasPrefix("decoded-") && $0.hasSuffix(".cache") }, "\(names)")
    for name in names {
      #expect(
        first.errors.contains("decoded images are mapped from d/\(name), 0 MiB, decoded by "), "\(first.errors)")
    }
    let second = try train("d/run-2", "--set", "data.cache=disk", "--workers", "3")
    for name in names { #expect(second.errors.contains("d/\(name), 0 MiB, which an earlier run left")) }
    #expect(try caches() == names)
    #expect(try digest("d/run") == digest("m/run") && digest("d/run-2") == digest("m/run"))
  }

  /// 800 images of 256 KiB, 200 MiB, under a limit of 160 MiB of memory that is written.
  @Test("a set larger than the memory trains from a file, to the digest that it has in memory")
  func largerThanMemory() throws {
    for name in ["a", "b"] {
      try folder.makeFolder("many/\(name)")
      for i in 0..<400 {
        let pixels = (0..<64).map { UInt8(truncatingIfNeeded: $0 * (name == "a" ? 3 : 5) + i) }
        _ = try folder.write(pngFile(height: 8, width: 8, grey: pixels), to: "many/\(name)/\(i).png")
      }
    }
    _ = try folder.write(
      """
      { model: { input: [512, 512, 1], layers: [{ type: "avg_pool2d", pool_size: 64 }, { type: "flatten" },
          { type: "dense", units: 2 }, { type: "softmax" }] },
        data: { format: "image_folder", train: "many", resize: { shorter_side: 512 } },
        training: { epochs: 1, batch_size: 16, optimizer: { lr: 0.0001 } },
        runtime: { workers: 1, shard_size: 4 }, checkpoint: { every_epochs: 0 } }
      """, to: "many.json")
    let limit = "ulimit -d \(160 << 10)"
    func train(_ output: String, _ arguments: String..., limit: String? = nil) throws -> ProcessResult {
      try Executable.run(["train", "many.json", "--output", output] + arguments, folder: folder.path, limit: limit)
    }
    let refused = try train("l/run", "--set", "data.cache=memory", limit: limit)
    #expect(refused.exitCode == 71 && refused.errors.contains("data.cache: \"disk\""), "\(refused.errors)")
    let limited = try train("l/run", limit: limit)
    #expect(
      limited.exitCode == 0 && limited.errors.contains("decoded images are mapped from l/decoded-"), "\(limited.errors)"
    )
    let whole = try train("m/many", "--set", "data.cache=memory")
    #expect(whole.exitCode == 0, "\(whole.errors)")
    #expect(try digest("l/run") == digest("m/many"))
  }

  /// 800 images of 256 KiB, 200 MiB, stored in an archive and deflated, under a limit of 160 MiB of memory that is written.
  @Test(
    "arrays larger than the memory train from their own file, or a converted one, to the digest that they have in memory"
  )
  func largeArrays() throws {
    _ = try folder.write(
      """
      { model: { input: [512, 512, 1], layers: [{ type: "avg_pool2d", pool_size: 64 }, { type: "flatten" },
          { type: "dense", units: 2 }, { type: "softmax" }] },
        data: { format: "npz", train: { file: "set.npz", images: "x", labels: "y" } },
        training: { epochs: 1, batch_size: 16, optimizer: { lr: 0.0001 } },
        runtime: { workers: 1, shard_size: 4 }, checkpoint: { every_epochs: 0 } }
      """, to: "arrays.json")
    let pixels = [UInt8](unsafeUninitializedCapacity: 800 << 18) { buffer, count in
      count = buffer.count
      for i in 0..<count { buffer[i] = UInt8(truncatingIfNeeded: (i >> 18) &* 31 &+ (i >> 6)) }
    }
    var digests: [JSONValue?] = []
    for (name, isDeflated) in [("own", false), ("converted", true)] {
      _ = try folder.write(
        zip([
          ("x.npy", npy("|u1", [800, 512, 512], pixels), isDeflated),
          ("y.npy", npy("|u1", [800], (0..<800).map { UInt8($0 % 2) }), false),
        ]), to: "set.npz")
      func train(_ output: String, _ arguments: String..., limit: String? = nil) throws -> ProcessResult {
        try Executable.run(["train", "arrays.json", "--output", output] + arguments, folder: folder.path, limit: limit)
      }
      let limit = "ulimit -d \(160 << 10)"
      let refused = try train("l/run", "--set", "data.cache=memory", limit: limit)
      #expect(refused.exitCode == 71 && refused.errors.contains("data.cache: \"disk\""), "\(refused.errors)")
      let limited = try train("l/\(name)", limit: limit)
      let file =
        isDeflated ? "converted images are mapped from l/decoded-" : "images are mapped from \(folder.file("set.npz"))"
      #expect(limited.exitCode == 0 && limited.errors.contains(file), "\(limited.errors)")
      let whole = try train("m/\(name)", "--set", "data.cache=memory")
      #expect(whole.exitCode == 0, "\(whole.errors)")
      digests += [try digest("l/\(name)"), try digest("m/\(name)")]
    }
    #expect(digests[0] != nil && digests.allSatisfy { $0 == digests[0] }, "\(digests)")
  }

  @Test("runs that are killed while they decode or train go on to the same weights, and leave no other files")
  func kills() throws {
    _ = try train("m/run", "--quiet", "--set", "data.cache=memory")
    var (kills, milliseconds) = (0, 3)
    while kills < 12, !folder.exists("d/run/summary.json") {
      let process = Executable.process(
        [
          "train", "net.json", "--quiet", "--output", "d/run", "--set", "data.cache=disk", "--workers",
          "\(kills % 3 + 1)",
        ],
        folder: folder.path)
      (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
      try process.run()
      Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      // The cache is removed now and then, so that it is made anew in the middle of a run.
      if kills % 4 == 3, folder.exists("d") {
        for name in try caches() { try FileManager.default.removeItem(atPath: folder.file("d/\(name)")) }
      }
      (kills, milliseconds) = (kills + 1, milliseconds * 3 / 2)
    }
    _ = try Executable.run(
      ["train", "net.json", "--quiet", "--output", "d/run", "--set", "data.cache=disk"], folder: folder.path)
    #expect(try digest("d/run") == digest("m/run"))
    #expect(try caches().allSatisfy { $0.hasSuffix(".cache") } && caches().count <= 2)
  }
}

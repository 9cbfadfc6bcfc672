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
    #expect(try folder.text("runs/tiny-scaling/scaling.html").hasPrefix("<!doctype html>"))
    #expect(try folder.text("runs/tiny-scaling/scaling.txt").contains("predicted for 2x2"))
    let provenance = try folder.text("runs/tiny-scaling/scaling.txt").split(separator: "measured: ")[1].split(
      separator: "assumed: ")
    #expect(!provenance[0].contains("contention") && provenance[1].contains("contention 1.000"))
    let wrong = try Executable.run(["bench", "scaling", file, "--predict", "big"])
    #expect(wrong.exitCode == 64)
  }

  @Test("bench throughput --inference times the forward pass alone, with the keys of training steps")
  func inference() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      { model: { input: [8, 8, 1], layers: [
          { type: "conv2d", filters: 4, kernel_size: 3, padding: "same" }, { type: "batch_norm" }, { type: "relu" },
          { type: "max_pool2d" }, { type: "batch_norm" }, { type: "flatten" }, { type: "dense", units: 3 },
          { type: "softmax" }] },
        data: { format: "synthetic", examples: 32, classes: 3 }, runtime: { shard_size: 4 } }
      """, to: "normed.json")
    for (batch, workers) in [(1, 1), (10, 3)] {
      let result = try Executable.run([
        "bench", "throughput", file, "--inference", "--batch-size", "\(batch)", "--workers", "\(workers)", "--json",
      ])
      #expect(result.exitCode == 0, "\(result.errors)")
      let found = try json(result.output)
      #expect(
        Set(found.keys) == ["images_per_second", "step_ms", "workers", "batch_size", "folded_norms"])
      #expect(found["folded_norms"] as? Int == 1)
      #expect(found["batch_size"] as? Int == batch && found["workers"] as? Int == workers)
      let rates = try #require(found["images_per_second"] as? [String: Double])
      #expect(try #require(rates["median"]) > 0 && rates["best"] ?? 0 >= rates["median"] ?? 0)
    }
  }

  /// Norms, sums of residual blocks and pools are measured against the bytes that they move.
  @Test("bench kernels has every pass of a net with norms")
  func kernelsHasEveryPassOfANetWithNorms() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      { model: { input: [8, 8, 3], layers: [
          { type: "conv2d", filters: 16, kernel_size: 3, padding: "same" }, { type: "batch_norm" }, { type: "relu" },
          { type: "depthwise_conv2d", kernel_size: 3, padding: "same" },
          { type: "residual", layers: [{ type: "conv2d", filters: 16, kernel_size: 1 }, { type: "batch_norm" }] },
          { type: "max_pool2d" }, { type: "global_avg_pool2d" }, { type: "dense", units: 3 }, { type: "softmax" }] },
        data: { format: "synthetic", examples: 32, classes: 3 }, training: { batch_size: 32 } }
      """, to: "normed.json")
    let result = try Executable.run(["bench", "kernels", file, "--json"])
    #expect(result.exitCode == 0, "\(result.errors)")
    let rows = try #require(try json(result.output)["layers"] as? [[String: Any]])
    var passes: [String: [String]] = [:]
    for row in rows {
      let name = try #require(row["layer"] as? String)
      passes[name, default: []].append(try #require(row["pass"] as? String))
      for key in ["us_per_image", "bytes_per_image", "share_of_copy"] {
        #expect(try #require(row[key] as? Double) > 0, "\(name): \(row)")
      }
    }
    let all = ["forward", "input_gradient", "weight_gradient"]
    let norm = ["input_sums", "forward", "gradient_sums", "input_gradient"]
    #expect(
      passes == [
        "conv2d_1": ["forward", "weight_gradient"], "batch_norm_1": norm, "depthwise_conv2d_1": all,
        "residual_1/conv2d_1": all, "residual_1/batch_norm_1": norm, "residual_1/add": ["forward", "input_gradient"],
        "max_pool2d_1": ["forward", "input_gradient"], "global_avg_pool2d_1": ["forward", "input_gradient"],
        "dense_1": all,
      ])
  }

  @Test("bench kernels and bench allreduce need no configuration")
  func kernelsAndAllReduceNeedNoConfiguration() throws {
    let kernels = try Executable.run(["bench", "kernels", "--json"])
    #expect(kernels.exitCode == 0, "\(kernels.errors)")
    let layers: [[String: Any]] = try #require(try json(kernels.output)["layers"] as? [[String: Any]])
    #expect(
      layers.count == 15, "four layers in three passes, the first in two; two pools in two")
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

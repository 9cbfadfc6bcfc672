import Foundation
import Runs
import Testing

/// The built executable as scripts see it: exit codes, streams and files.
@Suite struct ProgramTests {
  /// A net small enough for a debug build.
  static let tiny = """
    {
      name: "tiny",   // comments are allowed
      model: { input: [4, 4, 1], layers: [{ type: "flatten" }, { type: "dense", units: 3 }, { type: "softmax" }] },
      data: { format: "synthetic", examples: 40, test_examples: 9, classes: 3 },
      training: { epochs: 2, batch_size: 16, },
      runtime: { workers: 2, shard_size: 4 },
      logging: { every_steps: 2 },
    }
    """

  /// A configuration of the repository whose data are not part of it.
  static let lenet =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/Config/lenet-mnist.json"

  private func json(_ text: some StringProtocol) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("version and help go to standard output")
  func versionAndHelpGoToStandardOutput() throws {
    let version = try Executable.run(["--version"])
    #expect(version.exitCode == 0)
    #expect(version.output == "lockstep \(ProgramVersion.current)\n")
    let help = try Executable.run(["--help"])
    #expect(help.exitCode == 0)
    #expect(help.output.contains("train CONFIG"))
    #expect(help.errors == "")
    #expect(try Executable.run(["help"]).output == help.output)
    #expect(try Executable.run(["version"]).output == version.output)
    let bench = try Executable.run(["bench", "--help"])
    #expect(bench.exitCode == 0 && bench.output.contains("bench allreduce [CONFIG]"))
    #expect(try Executable.run(["help", "tune"]).output == Executable.run(["tune", "--help"]).output)
  }

  @Test(
    "failures have their exit code and say why",
    arguments: [
      ([], 64, "no command"),
      (["trian", "x.json"], 64, "the nearest known command is train"),
      (["train", "x.json", "--outptu", "d"], 64, "the nearest known flag is --output"),
      (["train", "x.json", "--resume", "auto", "--weights", "w"], 64, "--weights"),
      (["config", "x.json", "--set", "epochs"], 64, "key.path=VALUE"),
      (["train", "/nonexistent/x.json"], 66, "/nonexistent/x.json"),
      (
        ["evaluate", lenet, "--weights", "w", "--set", "data.test.images=/nonexistent/t10k-images-idx3-ubyte"], 66,
        "data.test.images: /nonexistent/t10k-images-idx3-ubyte cannot be opened: No such file or directory\n  hint: Lockstep"
      ),
    ] as [([String], Int32, String)])
  func failuresHaveTheirExitCodeAndSayWhy(arguments: [String], exitCode: Int32, words: String) throws {
    let result = try Executable.run(arguments)
    #expect(result.exitCode == exitCode)
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.output == "")
  }

  @Test("a bad configuration gives 78")
  func aBadConfigurationIs78() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let flag = try Executable.run(["config", file, "--batch_size=0"])
    #expect(flag.exitCode == 78)
    #expect(flag.errors.contains("training.batch_size: found 0; allowed: an integer from 1"))
    #expect(flag.errors.contains("--batch-size 0"))
    let variable = try Executable.run(
      ["config", file], environment: ["LOCKSTEP_TRAINING__EPOCS": "3"])
    #expect(variable.exitCode == 78)
    #expect(variable.errors.contains("nearest known key is epochs"))
    let broken = try Executable.run(["config", try folder.write("{ model: ", to: "broken.json")])
    #expect(broken.exitCode == 78)
    #expect(broken.errors.contains("line 1, column 10"))
  }

  @Test("config prints what reads back the same")
  func configPrintsWhatReadsBack() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let first = try Executable.run(
      ["config", file, "--epochs", "5"],
      environment: ["LOCKSTEP_TRAINING__EPOCHS": "4", "LOCKSTEP_TRAINING__BATCH_SIZE": "8"])
    #expect(first.exitCode == 0)
    #expect(first.output.contains("\"epochs\": 5") && first.output.contains("\"batch_size\": 8"))
    let second = try Executable.run(["config", try folder.write(first.output, to: "resolved.json")])
    #expect(second.output == first.output)
    let compact = try Executable.run(["config", file, "--json"])
    #expect(try json(compact.output)["name"] as? String == "tiny")
    #expect(compact.output.split(separator: "\n").count == 1)
  }

  @Test("train writes the run directory")
  func trainWritesTheRunDirectory() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let result = try Executable.run(["train", file, "--json"], folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("epoch 2/2"))
    #expect(!result.errors.contains("\u{1B}"), "no bar where there is no terminal")
    let summary = try json(result.output)
    #expect(
      Set(summary.keys) == [
        "epochs", "steps", "total_steps", "loss", "val_loss", "val_accuracy", "images_per_second", "elapsed_s",
        "workers", "weights_digest", "newest_checkpoint", "best_checkpoint", "placement",
      ])
    #expect(summary["steps"] as? Int == 6)
    #expect(try folder.text("runs/tiny/summary.json") == result.output)
    #expect(folder.exists("runs/tiny/weights.safetensors"))
    let lines = try folder.text("runs/tiny/metrics.jsonl").split(separator: "\n")
    #expect(lines.count == 5, "three intervals and two epochs")
    for line in lines { #expect(try json(line).count == 17) }
    #expect(try lines.map { try json($0)["kind"] as? String } == ["step", "epoch", "step", "step", "epoch"])
    #expect(try lines.map { try json($0)["steps"] as? Int } == [2, 3, 2, 2, 3])
    let again = try Executable.run(
      ["train", "runs/tiny/config.json", "--json", "--quiet", "--output", "again", "--workers", "1"],
      folder: folder.path)
    #expect(again.errors == "")
    #expect(try json(again.output)["weights_digest"] as? String == summary["weights_digest"] as? String)

    let still = try Executable.run(
      ["train", file, "--json", "--quiet", "--output", "still", "--lr", "0", "--weights", "again/weights.safetensors"],
      folder: folder.path)
    #expect(
      try json(still.output)["weights_digest"] as? String == summary["weights_digest"] as? String,
      "no step moves the weights it started from")

    let evaluated = try Executable.run(
      ["evaluate", file, "--weights", "again/weights.safetensors", "--json"], folder: folder.path)
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    #expect(try json(evaluated.output)["examples"] as? Int == 9)
    #expect(try json(evaluated.output)["loss"] as? Double == summary["val_loss"] as? Double)
    let missing = try Executable.run(
      ["evaluate", file, "--weights", "none.safetensors"], folder: folder.path)
    #expect(missing.exitCode == 66)
    let bad = try Executable.run(["evaluate", file, "--weights", file], folder: folder.path)
    #expect(bad.exitCode == 65)
  }

  /// The digits' licence requires it.
  @Test("a run on the embedded digits names their authors")
  func aRunOnTheEmbeddedDigitsNamesTheirAuthors() throws {
    let folder = try TemporaryFolder()
    let digits = try Executable.run(
      ["train", ResumeProgramTests.digits, "--epochs", "1"], folder: folder.path)
    #expect(digits.errors.contains("E. Alpaydin and C. Kaynak") && digits.errors.contains("CC BY 4.0"))
    let other = try Executable.run(
      ["train", try folder.write(Self.tiny, to: "tiny.json")], folder: folder.path)
    #expect(!other.errors.contains("Alpaydin"))
  }

  private static let strict: [String] = [
    "--json", "--quiet", "--strict-placement", "--workers", "2", "--output", "run",
  ]

  /// Whether the system says where threads and pages are.
  private static func isPlacementTold() throws -> Bool {
    let folder = try TemporaryFolder()
    let file = try folder.write(tiny, to: "tiny.json")
    let result = try Executable.run(["train", file, "--json", "--quiet"], folder: folder.path)
    let summary: Any = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let placement: [String: Any]? = (summary as? [String: Any])?["placement"] as? [String: Any]
    return placement?["as_planned"] is Bool
  }

  /// A system that does not say where pages are cannot pass: the run ends after its first step.
  @Test(
    "strict placement refuses what it cannot see",
    .enabled("the system does not say where pages are") { try !isPlacementTold() })
  func strictPlacementRefusesWhatItCannotSee() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let result = try Executable.run(["train", file] + Self.strict, folder: folder.path)
    #expect(result.exitCode == 71)
    #expect(result.errors.contains("--strict-placement: "))
  }

  /// Strictness changes only the exit code: all files are written, and the summary names the mismatch.
  @Test(
    "strict placement says whether everything is where it should be",
    .enabled("the system tells where pages lie") { try isPlacementTold() })
  func strictPlacementSaysWhetherAllIsWhereItShouldBe() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let result = try Executable.run(["train", file] + Self.strict, folder: folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    let placement = try #require(try json(result.output)["placement"] as? [String: Any])
    #expect(placement["as_planned"] as? Bool == true)
    let workers: [[String: Any]] = try #require(placement["workers"] as? [[String: Any]])
    #expect(workers.map { $0["worker"] as? Int } == [0, 1])
    for worker in workers { #expect(worker["ran_on"] as? [Int] == [try #require(worker["cpu"] as? Int)]) }
    let memory: [[String: Any]] = try #require(placement["memory"] as? [[String: Any]])
    #expect(
      memory.compactMap { $0["class"] as? String } == ["weights", "optimizer", "activations", "gradients", "data"])
    for kind in memory { #expect(kind["on_node_share"] as? Double == 1) }

    let plan = try Executable.run(["topology", file, "--json", "--workers", "2"], folder: folder.path)
    let planned = try #require(try json(plan.output)["memory"] as? [String: Any])
    let nodes: [[String: Any]] = try #require(planned["nodes"] as? [[String: Any]])
    #expect(nodes.reduce(0) { $0 + (($1["weight_bytes"] as? Int) ?? 0) } == memory[0]["bytes"] as? Int)
    #expect(nodes.reduce(0) { $0 + (($1["optimizer_bytes"] as? Int) ?? 0) } == memory[1]["bytes"] as? Int)
  }

  /// `--quiet` hides the header and the progress, not what the user should know.
  @Test("warnings are shown with --quiet too")
  func warningsAreShownInSilenceToo() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let idle = try Executable.run(["train", file, "--quiet", "--workers", "6"], folder: folder.path)
    #expect(
      idle.errors.contains(
        "lockstep: warning: 2 of 6 workers are idle: a batch has 4 shards; smaller shards (runtime.shard_size) keep more busy\n"
      ))
    let uneven = try Executable.run(
      ["bench", "throughput", file, "--quiet", "--workers", "3"], folder: folder.path)
    #expect(
      uneven.errors.contains(
        "lockstep: warning: 3 workers are no faster than 2: a batch has 4 shards, and the busiest worker has 2\n"))
    let even = try Executable.run(
      ["train", file, "--quiet", "--workers", "1", "--output", "one"], folder: folder.path)
    #expect(!even.errors.contains("workers"))
  }

  @Test("predict writes one line per image")
  func predictWritesOneLinePerImage() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let weights = folder.path + "/run/weights.safetensors"
    #expect(try Executable.run(["train", file, "--quiet", "--output", folder.path + "/run"]).exitCode == 0)
    let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4]
    let images = folder.path + "/images.idx"
    try Data(header + Array(repeating: 100, count: 32)).write(to: URL(fileURLWithPath: images))
    let result = try Executable.run(["predict", file, "--weights", weights, "--images", images])
    #expect(result.exitCode == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(try json(lines[1])["index"] as? Int == 1)
    #expect(try (json(lines[0])["probabilities"] as? [Double])?.count == 3)
    let toFile = try Executable.run(
      ["predict", file, "--weights", weights, "--images", images, "--output", folder.path + "/p.jsonl"])
    #expect(toFile.output == "2 predictions written to \(folder.path)/p.jsonl\n")
    #expect(try folder.text("p.jsonl") == result.output)
    let asJSON = try Executable.run(
      ["predict", file, "--weights", weights, "--images", images, "--output", folder.path + "/q.jsonl", "--json"])
    #expect(try json(asJSON.output)["examples"] as? Int == 2)
    #expect(try json(asJSON.output)["output"] as? String == folder.path + "/q.jsonl")
    #expect(try folder.text("q.jsonl") == result.output)

    // The file of images of another shape is blamed, and what was written before stays.
    let wide = try folder.write(
      [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 5] + Array(1...20), to: "wide.idx")
    let misfit = try Executable.run(
      ["predict", file, "--weights", weights, "--images", wide, "--output", folder.path + "/p.jsonl"])
    #expect(misfit.exitCode == 65)
    #expect(misfit.errors.hasPrefix("lockstep: \(wide): images are 4×5×1"), "\(misfit.errors)")
    #expect(try folder.text("p.jsonl") == result.output)
    let numpy = try folder.write([0x93] + Array("NUMPY".utf8) + Array(repeating: 1, count: 90), to: "x.npy")
    let array = try Executable.run(["predict", file, "--weights", weights, "--images", numpy])
    #expect(array.exitCode == 65)
    #expect(array.errors.contains("x.npy: ends after 96 bytes; 257 are needed at offset 10"), "\(array.errors)")
  }

  /// 200,000 examples of 4096 classes are 3 GB of probabilities: they are written as they come, not kept.
  @Test("many predictions take no more memory than a few")
  func predictionsTakeNoMoreMemoryThanAFewOfThem() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      Self.tiny.replacing("[4, 4, 1]", with: "[1, 1, 1]").replacing("units: 3", with: "units: 4096"), to: "wide.json")
    #expect(try Executable.run(["train", file, "--quiet", "--output", folder.path + "/run"]).exitCode == 0)
    let header: [UInt8] = [0, 0, 8, 3, 0, 3, 0x0D, 0x40, 0, 0, 0, 1, 0, 0, 0, 1]
    let images = try folder.write(header + Array(repeating: 100, count: 200_000), to: "many.idx")
    let process = Executable.process([])
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c", "ulimit -v 1500000; \"$0\" predict \"$1\" --weights \"$2\" --images \"$3\" | head -n 3 | cut -c 1-20",
      Executable.path, file, folder.path + "/run/weights.safetensors", images,
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(text.split(separator: "\n").map { $0.prefix(10) } == ["{\"index\":0", "{\"index\":1", "{\"index\":2"])
  }

  @Test("results that are not finite are errors")
  func resultsThatAreNotFiniteAreErrors() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let images = try folder.write(
      [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 4] + Array(repeating: 255, count: 16), to: "images.idx")
    func weights(_ value: Float) throws -> String {
      let header =
        #"{"dense_1.weight":{"dtype":"F32","shape":[3,16],"data_offsets":[0,192]},"#
        + #""dense_1.bias":{"dtype":"F32","shape":[3],"data_offsets":[192,204]}}"#
      var values: [Float] = Array(repeating: 0.5, count: 51)
      for index in 5..<16 { values[index] = value }
      return try folder.write(
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
          + values.withUnsafeBytes { Array($0) }, to: "w.safetensors")
    }
    func commands(_ weights: String) -> [[String]] {
      [
        ["evaluate", file, "--weights", weights], ["evaluate", file, "--weights", weights, "--json"],
        ["predict", file, "--weights", weights, "--images", images],
      ]
    }
    for value: Float in [.nan, -.nan, .infinity] {
      let damaged = try weights(value)
      let train = ["train", file, "--weights", damaged, "--output", folder.path + "/run"]
      for command in commands(damaged) + [train] {
        let result = try Executable.run(command)
        #expect(result.exitCode == 65 && result.output == "", "\(command)")
        let found = value.isNaN ? "NaN" : "inf"
        let words = "w.safetensors: the tensor dense_1.weight holds \(found) as value 6 of 48"
        #expect(result.errors.contains(words), "\(result.errors)")
      }
      #expect(!folder.exists("run"))
    }
    for command in commands(try weights(3e38)) {
      let result = try Executable.run(command)
      #expect(result.exitCode == 76 && result.output == "", "\(command)")
      let subject = command[0] == "evaluate" ? "data.test" : images
      #expect(result.errors.contains("lockstep: \(subject): the output of dense_1 for image "), "\(result.errors)")
    }
  }

  @Test("topology and gradcheck print JSON")
  func topologyAndGradcheckAnswerInJSON() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let machine = try Executable.run(["topology", "--json"])
    #expect(machine.exitCode == 0, "\(machine.errors)")
    #expect(try json(machine.output)["workers"] == nil)
    let plan = try Executable.run(["topology", file, "--json", "--workers", "3"])
    #expect(try (json(plan.output)["workers"] as? [Any])?.count == 3)
    let check = try Executable.run(["gradcheck", file, "--json"])
    #expect(check.exitCode == 0, "\(check.output)")
    #expect(try json(check.output)["passed"] as? Bool == true)
    let unknown = try Executable.run(["topology"], environment: ["LOCKSTEP_KERNELS": "avx3"])
    #expect(unknown.exitCode == 64)
    #expect(unknown.errors.contains("avx3"))
  }

  @Test("an unwritable output is found before training")
  func anUnwritableOutputIsFoundBeforeTraining() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    for output in ["\(file)/below", file, "/proc/lockstep/run"] {
      let result = try Executable.run(["train", file, "--epochs", "1000000", "--output", output])
      #expect(result.exitCode == 74, "\(output): \(result.errors)")
      #expect(!result.errors.contains("epoch"))
    }
  }

  @Test("a full disk under standard output gives 74")
  func aFullDiskOnStandardOutputIs74() throws {
    let process = Executable.process(["--version"])
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 74)
  }

  @Test("the first signal ends the run with its weights", arguments: [SIGINT, SIGTERM])
  func theFirstSignalEndsTheRunWithItsWeights(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.tiny, to: "tiny.json")
    let process = Executable.process(
      ["train", file, "--json", "--quiet", "--epochs", "1000000"], folder: folder.path)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let deadline = Date(timeIntervalSinceNow: 30)
    while Date() < deadline, (try? folder.text("runs/tiny/metrics.jsonl"))?.isEmpty ?? true {
      Thread.sleep(forTimeInterval: 0.02)
    }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationStatus == 75)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(try json(text)["interrupted"] as? Bool == true)
    #expect(try folder.text("runs/tiny/summary.json") == text)
    #expect(folder.exists("runs/tiny/weights.safetensors"))
  }
}

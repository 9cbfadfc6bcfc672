import Foundation
import Storage
import TestSupport
import Testing

@testable import Runs

/// Files made to break the program, through the program: one clear line, the documented exit code, little memory.
@Suite struct HostileProgramTests {
  /// What a process may map in all, in KiB: its libraries and stacks, and far less than these files pretend to hold.
  private static let addressSpace = 1 << 20

  private func run(_ arguments: [String], folder: TemporaryFolder) throws -> ProcessResult {
    try Executable.run(arguments, folder: folder.path, limit: "ulimit -v \(Self.addressSpace)")
  }

  /// One line for people, perhaps with a hint; nothing that a terminal would obey.
  private func expect(
    _ result: ProcessResult, _ exitCode: Int32, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.exitCode == exitCode, "\(result.errors.prefix(1000))", sourceLocation: sourceLocation)
    #expect(result.output == "", sourceLocation: sourceLocation)
    let lines: [Substring] = result.errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    // One error with a hint, or the first twenty of many.
    let isList = lines.first?.hasSuffix(" mistakes") == true
    #expect(
      isList
        ? lines.count <= 42 && lines.dropFirst().allSatisfy { $0.hasPrefix("  ") }
        : lines.count == 1 || (lines.count == 2 && lines[1].hasPrefix("  hint: ")), sourceLocation: sourceLocation)
    let line = (isList ? lines : Array(lines.prefix(1))).joined(separator: "\n")
    #expect(
      line.hasPrefix("lockstep: ") && lines.allSatisfy { $0.utf8.count < 1000 }, sourceLocation: sourceLocation)
    #expect(result.errors.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 }, sourceLocation: sourceLocation)
    for word in words {
      #expect(line.contains(word), "'\(word)' is not in: \(line.prefix(1000))", sourceLocation: sourceLocation)
    }
  }

  @Test("hostile weights are refused", arguments: hostileWeights)
  func weights(file: HostileFile) throws {
    let folder = try TemporaryFolder()
    let configuration = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let weights = try folder.write(file.bytes(), to: "w.safetensors")
    expect(
      try run(["evaluate", configuration, "--weights", weights], folder: folder), 65, file.words + ["w.safetensors"])
    expect(
      try run(["train", configuration, "--weights", weights], folder: folder), 65, file.words + ["w.safetensors"])
    #expect(!folder.exists("runs"))
  }

  @Test("hostile images and labels are refused", arguments: hostileImages)
  func imagesAndLabels(file: HostileFile) throws {
    let folder = try TemporaryFolder()
    let name = file.use == .images ? "images" : "labels"
    _ = try folder.write(idx([5, 4, 4], Array(1...80)), to: "images")
    _ = try folder.write(idx([5], [0, 1, 2, 0, 1]), to: "labels")
    _ = try folder.write(file.bytes(), to: name)
    let configuration = try folder.write(
      ProgramTests.tiny.replacing(
        "format: \"synthetic\", examples: 40, test_examples: 9, classes: 3",
        with: "format: \"idx\", train: { images: \"images\", labels: \"labels\" }"), to: "tiny.json")
    // A set that is whole, but not this network's, is named by its key.
    let isWhole = ["another shape", "beyond the classes"].contains(file.name)
    expect(
      try run(["train", configuration], folder: folder), 65,
      file.words + [isWhole ? "data.train" : "\(folder.path)/\(name)"])
    #expect(!folder.exists("runs"))
  }

  @Test("hostile configurations are refused", arguments: hostileConfigurations)
  func configurations(file: HostileFile) throws {
    let folder = try TemporaryFolder()
    let configuration = try folder.write(file.bytes(), to: "hostile.json")
    for command in ["config", "train"] {
      expect(try run([command, configuration], folder: folder), 78, file.words + ["hostile.json"])
    }
    #expect(!folder.exists("runs"))
  }

  /// Nets that no machine can hold are refused before anything is laid out for them, with the sum.
  @Test(
    "nets that cannot fit in memory are refused",
    arguments: [
      ("[4096, 4096, 1]", "{ type: 'conv2d', filters: 127, kernel_size: 1024, padding: 'same' }, { type: 'flatten' }"),
      ("[4096, 4096, 8]", "{ type: 'flatten' }, { type: 'dense', units: 8191 }, { type: 'dense', units: 1048576 }"),
      ("[8, 8, 65536]", "{ type: 'conv2d', filters: 1, kernel_size: 1024, padding: 'same' }, { type: 'flatten' }"),
      ("[1024, 1024, 1]", String(repeating: "{ type: 'relu' }, ", count: 1000) + "{ type: 'flatten' }"),
    ])
  func hopelessNets(input: String, layers: String) throws {
    let folder = try TemporaryFolder()
    let configuration = try folder.write(
      """
      { model: { input: \(input), layers: [\(layers), { type: 'dense', units: 3 }, { type: 'softmax' }] },
        data: { format: 'synthetic', examples: 1, test_examples: 0, classes: 3 },
        training: { batch_size: 16777216 }, runtime: { workers: 4096, shard_size: 65536 } }
      """, to: "hopeless.json")
    let result = try Executable.run(["train", configuration], folder: folder.path)
    expect(result, 71, ["memory: a worker needs more than", "MiB are available", "weights, momentum and gradients"])
    #expect(!folder.exists("runs"))
  }

  /// A checkpoint of `ProgramTests.tiny`, changed, with a correct digest.
  @Test("hostile checkpoints are refused")
  func checkpoints() throws {
    let folder = try TemporaryFolder()
    let configuration = try folder.write(ProgramTests.tiny, to: "tiny.json")
    let made = try Executable.run(["train", configuration, "--quiet"], folder: folder.path)
    #expect(made.exitCode == 0, "\(made.errors)")
    let good = try Checkpoint.read("\(folder.path)/runs/tiny/checkpoint-00000003.safetensors")
    let bytes = try contents(ofFile: "\(folder.path)/runs/tiny/checkpoint-00000003.safetensors")
    let file = "\(folder.path)/c.safetensors"
    func refused(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
      let result = try run(["train", configuration, "--resume", file, "--output", "r"], folder: folder)
      expect(result, 65, words + ["c.safetensors"], sourceLocation: sourceLocation)
    }
    _ = try folder.write(Array(bytes.dropLast()), to: "c.safetensors")
    try refused("data_offsets", "begin ≤ end ≤")
    var flipped = bytes
    flipped[bytes.count - 1] ^= 0x40
    _ = try folder.write(flipped, to: "c.safetensors")
    try refused("is damaged: its state_digest is \"sha256:", "but its content gives \"sha256:")
    _ = try folder.write(bytes.map { $0 == UInt8(ascii: "k") ? UInt8(ascii: "x") : $0 }, to: "c.safetensors")
    try refused("is not a checkpoint: its metadata has format \"locxstep-checxpoint\", not \"lockstep-checkpoint\"")

    func written(_ change: (inout ProgressState) -> Void) throws {
      var progress = good.progress
      change(&progress)
      try Checkpoint(
        step: progress.stepsDone, parameters: good.parameters, state: good.state,
        configuration: good.configuration, dataFingerprint: good.dataFingerprint, progress: progress
      ).write(to: file)
    }
    try written { $0.totalExamples = .max }
    try refused("progress.total_examples is \"9223372036854775807\"; allowed: an integer from 0 to")
    try written { $0.epoch.reduceNanoseconds = .max }
    try refused("progress.epoch.reduce_ns is \"18446744073709551615\"; allowed: an integer from 0 to")
    try written { $0.interval.loss = .infinity }
    try refused("progress.interval.loss is \"inf\"; allowed: a finite number of at least 0")
    try written { $0.recordCount = 100 }
    try refused("progress.records is \"100\"; allowed: 4 after step 3")
    try written { $0.epochsDone = 7 }
    try refused("progress.epochs_done is \"7\"; allowed: 1 after step 3")
    try written { $0.epoch.steps = 2 }
    try refused("progress.epoch.steps is \"2\"; allowed: 0 after step 3")
    try Checkpoint(
      step: 3, parameters: good.parameters,
      state: good.state.map { SlotTensors(slot: $0.slot, tensors: Array($0.tensors.dropLast())) },
      configuration: good.configuration, dataFingerprint: good.dataFingerprint, progress: good.progress
    ).write(to: file)
    try refused("lacks the tensor dense_1.bias of shape [3]")
    #expect(!folder.exists("r"))
  }
}

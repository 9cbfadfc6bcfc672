import Configuration
import Diagnostics
import Machine
import Network
import Storage
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// Checkpoint files: damage, other configurations, other data.
@Suite struct CheckpointTests {
  private func checkpoint(_ overrides: [ConfigurationOverride] = []) throws -> Checkpoint {
    let stop = StopFlag()
    stop.request()
    return try #require(try ResumeRun(overrides).run(stop: stop).trace.checkpoints.first)
  }

  @Test("any flipped bit is found")
  func anyFlippedBitIsFound() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("c")
    try checkpoint().write(to: file)
    let bytes = try contents(ofFile: file)
    #expect(bytes.count < 8000)
    for position in stride(from: 0, to: bytes.count, by: 7) {
      var damaged = bytes
      damaged[position] ^= UInt8(1) << UInt8(position % 8)
      _ = try folder.write(damaged, to: "d")
      let error = userError { _ = try Checkpoint.read(folder.file("d")) }
      // White space in the header may change without harm.
      guard error != nil || bytes[position] == 0x20 || damaged[position] == 0x20 else {
        Issue.record("bit \(position % 8) of byte \(position) was not missed")
        continue
      }
      #expect(error == nil || error?.category == .badData, "\(position)")
      #expect(userError { _ = try Checkpoint.open(folder.file("d")) } == error)
    }
    for length in stride(from: 0, to: bytes.count, by: 101) {
      _ = try folder.write(Array(bytes.prefix(length)), to: "d")
      #expect(userError { _ = try Checkpoint.read(folder.file("d")) }?.category == .badData, "\(length) bytes")
    }
  }

  /// A header may claim anything: no memory is taken, and nothing read, for more than the machine can hold.
  @Test("a file beyond the available memory is refused by its header")
  func moreThanThereIsMemoryForIsRefusedByItsHeader() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try checkpoint()
    try checkpoint.write(to: folder.file("c"))
    let bytes = 4 * (checkpoint.parameters + checkpoint.tensors(of: .momentum)).reduce(0) { $0 + $1.values.count }
    _ = try Checkpoint.open(folder.file("c"), available: AvailableMemory(bytes: bytes, source: "x"))
    let error = userError {
      _ = try Checkpoint.open(folder.file("c"), available: AvailableMemory(bytes: bytes - 1, source: "x"))
    }
    #expect(
      error
        == UserError(
          .badData, folder.file("c"), "holds \(bytes) bytes of tensors, but \(bytes - 1) are available (x)"))
  }

  @Test("a file that changes before its tensors are read is found")
  func aFileThatChangesBeforeItsTensorsAreReadIsFound() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("c")
    try checkpoint().write(to: file)
    var run = try ResumeRun()
    run.checkpoint = try Checkpoint.open(file)
    var bytes = try contents(ofFile: file)
    bytes[bytes.count - 1] ^= 1
    _ = try folder.write(bytes, to: "c")
    let error = userError { _ = try run.trainer() }
    #expect(error?.category == .badData && error?.message.hasPrefix("is damaged") == true)
  }

  @Test("weights are not a checkpoint, and missing files are missing input")
  func weightsAreNoCheckpointAndMissingFilesAreMissing() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try checkpoint()
    try Safetensors.write(checkpoint.parameters, metadata: ["format": "lockstep"], to: folder.file("w"))
    let error = userError { _ = try Checkpoint.read(folder.file("w")) }
    #expect(error?.category == .badData && error?.message.contains("is not a checkpoint") == true)
    #expect(userError { _ = try Checkpoint.read(folder.file("none")) }?.category == .inputMissing)
    try checkpoint.write(to: folder.file("c"))
    #expect(try Safetensors.metadata(folder.file("c"))["digest"] == checkpoint.weightsDigest)
  }

  @Test(
    "keys that change numbers are refused",
    arguments: [
      ("seed", "2", "was 1 and is now 2"), ("training.batch_size", "15", "was 16 and is now 15"),
      ("training.optimizer.lr", "0.25", "was 0.05 and is now 0.25"), ("runtime.shard_size", "4", "was 3 and is now 4"),
      ("training.shuffle", "false", "was true and is now false"),
      ("data.scale", "2", "was 0.00392156862745098 and is now 2"),
      ("model.layers[0].filters", "6", "was 5 and is now 6"),
      ("training.optimizer.momentum", "0", "was 0.9 and is now 0"),
    ])
  func keysThatChangeNumbersAreRefused(key: String, value: String, words: String) throws {
    let error = userError {
      try checkpoint().requireSameNumbers(as: try ResumeRun([.set(key, value)]).configuration, file: "c.safetensors")
    }
    #expect(error?.category == .badConfiguration)
    #expect(error?.subject == key)
    #expect(error?.message.hasPrefix(words) == true, "\(error?.message ?? "accepted")")
    #expect(error?.message.contains("c.safetensors") == true)
  }

  @Test("a run of other numerics is refused, and the error says what to do")
  func aRunOfOtherNumericsIsRefused() throws {
    let folder = try TemporaryFolder()
    let whole = try checkpoint()
    for numerics in [NumericsVersion.unnamed, NumericsVersion.current + 1] {
      let other = Checkpoint(
        step: whole.step, parameters: whole.parameters, state: whole.state, configuration: whole.configuration,
        dataFingerprint: whole.dataFingerprint, progress: whole.progress, numerics: numerics)
      try other.write(to: folder.file("c"))
      let metadata = try Safetensors.metadata(folder.file("c"))
      #expect(metadata["numerics"] == (numerics == NumericsVersion.unnamed ? nil : String(numerics)))
      let read = try Checkpoint.read(folder.file("c"))
      #expect(read.numerics == numerics)
      let error = userError { try read.requireSameNumbers(as: try ResumeRun().configuration, file: "c") }
      #expect(error?.category == .badData && error?.subject == "c")
      #expect(
        error?.message.contains("numerics version \(numerics), here \(NumericsVersion.current)") == true,
        "\(error?.message ?? "accepted")")
      #expect(error?.hint?.contains("--weights FILE --output DIR") == true)
    }
    try whole.requireSameNumbers(as: try ResumeRun().configuration, file: "c")
  }

  @Test("all differences are named")
  func allDifferencesAreNamed() throws {
    let other = try ResumeRun([.set("seed", "9"), .set("training.optimizer.weight_decay", "0.5")]).configuration
    let error = userError { try checkpoint().requireSameNumbers(as: other, file: "c") }
    #expect(error?.subject == "2 keys")
    #expect(error?.message.contains("seed was 1 and is now 9") == true)
    #expect(error?.message.contains("training.optimizer.weight_decay was 0 and is now 0.5") == true)
  }

  @Test("every one of many differences is named")
  func everyOneOfManyDifferencesIsNamed() throws {
    var other = try ResumeRun().configuration
    for index in 0..<20 { other.model.layers.insert(LayerSpecification(name: "more_\(index)", kind: .relu), at: 1) }
    let error = userError { try checkpoint().requireSameNumbers(as: other, file: "c") }
    for index in 5..<25 {
      #expect(error?.message.contains("model.layers[\(index)].type was absent and is now \"") == true, "\(index)")
    }
  }

  /// What other tools can read without knowing this one: where the run is, in plain words.
  @Test("the metadata says where the run is")
  func theMetadataSaysWhereTheRunIs() throws {
    let folder = try TemporaryFolder()
    let taken = try ResumeRun([.set("checkpoint.every_steps", "1"), .set("seed", "7")]).run().trace.checkpoints
    for checkpoint in taken {
      try checkpoint.write(to: folder.file("c"))
      let metadata = try Safetensors.metadata(folder.file("c"))
      #expect(metadata["step"] == "\(checkpoint.step)")
      #expect(metadata["epoch"] == "\(checkpoint.step / 3)")
      #expect(metadata["sample_cursor"] == "\(checkpoint.step % 3 * 16)")
      #expect(metadata["seed"] == "7")
      let text = Array(try #require(metadata["configuration"]).utf8)
      #expect(metadata["configuration_digest"] == text.withUnsafeBytes { SHA256.text(of: $0) })
    }
  }

  /// A correct digest does not prove that a run wrote the file.
  @Test(
    "a state that no run can have written is refused",
    arguments: [
      ("sample_cursor", "17"), ("epoch", "3"), ("seed", "2"), ("configuration_digest", "sha256:0"), ("step", "01"),
      ("progress.total_examples", "72057594037927937"), ("progress.total_ns", "-1"), ("progress.interval.loss", "nan"),
      ("progress.epoch.loss", "1e999"), ("progress.epoch.loss", "0x1p3"), ("progress.records", "+2"),
      ("progress.val_loss", "-1"), ("configuration", "[[[[[["),
    ])
  func whatNoRunHasWrittenIsRefused(key: String, value: String) throws {
    let checkpoint = try checkpoint()
    var metadata = checkpoint.metadata
    let tensors =
      checkpoint.parameters
      + checkpoint.tensors(of: .momentum).map {
        NamedTensor(name: $0.name + ".velocity", shape: $0.shape, values: $0.values)
      }
    #expect(
      try Checkpoint.decode(SafetensorsFile(tensors: tensors, metadata: metadata), name: "c").metadata == metadata)
    metadata[key] = value
    let error = userError {
      _ = try Checkpoint.decode(SafetensorsFile(tensors: tensors, metadata: metadata), name: "c")
    }
    #expect(error?.category == .badData && error?.subject == "c")
    #expect(error?.message.contains(key) == true, "\(error?.message ?? "accepted")")
  }

  @Test("speed and files may change")
  func speedAndFilesMayChange() throws {
    let other = try ResumeRun([
      .set("runtime.workers", "7"), .set("runtime.placement", "{ policy: 'scatter', use_smt: true }"),
      .set("runtime.memory", "{ dataset: 'interleave', huge_pages: false }"), .set("checkpoint.keep_last", "9"),
      .set("logging.every_steps", "5"), .set("name", "other"),
      .set("training.epochs", "99"),
    ])
    try checkpoint().requireSameNumbers(as: other.configuration, file: "c")
  }

  /// Keys that came later are not in the configurations of older checkpoints: their defaults stand for what was done then.
  @Test("keys that came later count as their defaults")
  func keysThatCameLaterCountAsTheirDefaults() throws {
    func without(_ keys: Set<String>, _ value: JSONValue) -> JSONValue {
      switch value {
      case .object(let members):
        .object(members.filter { !keys.contains($0.key) }.map { JSONValue.Member($0.key, without(keys, $0.value)) })
      case .array(let elements): .array(elements.map { without(keys, $0) })
      case .null, .bool, .integer, .number, .string: value
      }
    }
    let whole = try checkpoint()
    let old = Checkpoint(
      step: whole.step, parameters: whole.parameters, state: whole.state,
      configuration: without(
        [
          "strides", "groups", "dilation_rate", "use_bias", "initializer", "trainable", "lr_scale", "label_smoothing",
          "warmup_epochs",
          "warmup_start_factor", "evaluate_every_epochs", "monitor",
        ], whole.configuration),
      dataFingerprint: whole.dataFingerprint, progress: whole.progress)
    #expect(old.configuration != whole.configuration)
    try old.requireSameNumbers(as: try ResumeRun().configuration, file: "c")
    let other = try ResumeRun([.set("model.layers[0].use_bias", "false")]).configuration
    let error = userError { try old.requireSameNumbers(as: other, file: "c") }
    #expect(
      error?.subject == "model.layers[0].use_bias" && error?.message.hasPrefix("was true and is now false") == true)
  }

  @Test("other data is refused")
  func otherDataAreRefused() throws {
    var run = try ResumeRun([.set("data.examples", "46")])
    run.checkpoint = try checkpoint()
    let error = userError { _ = try run.trainer() }
    #expect(error?.category == .badData && error?.subject == "data")
    #expect(
      userError { try checkpoint().requireSameNumbers(as: run.configuration, file: "c") }?.subject == "data.examples")
  }

  @Test("only the documented names are checkpoints")
  func onlyTheDocumentedNamesAreCheckpoints() {
    #expect(Checkpoint.step(fileName: Checkpoint.fileName(step: 120)) == 120)
    for name in [
      "checkpoint-.safetensors", "checkpoint-0001.safetensors", "checkpoint-000000001.safetensors",
      "checkpoint--1.safetensors", "checkpoint-1",
      "checkpoint-00000001.safetensors.tmp", "weights.safetensors", "checkpoint-99999999999999999999.safetensors",
    ] {
      #expect(Checkpoint.step(fileName: name) == nil, "\(name)")
    }
  }
}

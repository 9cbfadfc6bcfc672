import ConfigurationKeys
import Glibc
import Storage
import TestSupport
import Testing

@testable import Configuration

@Suite struct ConfigurationTableTests {
  /// Every key path of a tree, elements of arrays left out.
  private func paths(_ value: JSONValue, below path: String = "") -> [String] {
    guard case .object(let members) = value else { return [] }
    return members.flatMap { member in
      let keyPath = path.isEmpty ? member.key : "\(path).\(member.key)"
      return [keyPath] + paths(member.value, below: keyPath)
    }
  }

  @Test("the writer writes the keys of the table")
  func whatIsWrittenIsTheTable() throws {
    let synthetic = try configuration(configurationText(extra: "data: { format: 'synthetic' }"))
    let idx = try configuration(
      configurationText(
        extra: """
          data: { format: 'idx', train: { images: 'a', labels: 'b' }, test: { images: 'a', labels: 'b' } },
          runtime: { placement: { cpus: '0' } }
          """))
    let arrays = try configuration(
      configurationText(extra: "data: { format: 'npz', train: { file: 'a' }, test: { file: 'a' } }"))
    let folder = try configuration(
      configurationText(
        extra: "data: { format: 'image_folder', train: 'a', test: 'b', resize: { shorter_side: 9 }, crop: 'center' }"))
    let optimizers = try ["adam", "rmsprop", "lars"].map { type in
      try configuration(
        configurationText(
          extra: """
            training: {
              optimizer: { type: '\(type)', weight_decay_norm: 0 }, clip_norm: 1, max_steps: 1, max_seconds: 1, ema: {},
              early_stopping: {}, stop_at: { metric: 'loss', value: 1 },
            }
            """))
    }
    let schedules = try [
      "'step'", "'multi_step', milestones: [1]", "'exponential', gamma: 0.5", "'cosine'", "'one_cycle'", "'linear'",
      "'plateau'",
    ].map { try configuration(configurationText(extra: "training: { lr_schedule: { type: \($0) } }")) }
    let frozen = try configuration("{ model: { preset: 'lenet', classes: 2, frozen: ['conv2d_1'] } }")
    let augmented = try ["random_crop: { padding: 1 }", "random_resized_crop: {}"].map {
      try configuration(configurationText(extra: "data: { augment: { \($0), color_jitter: {} } }"))
    }
    let written = ([synthetic, idx, arrays, folder, frozen] + augmented + optimizers + schedules).flatMap {
      paths($0.jsonValue)
    }
    // A preset is written as its layers.
    let readAlone: Set = ["model.preset", "model.classes", "model.stem", "$schema"]
    #expect(Set(written).isDisjoint(with: readAlone))
    #expect(Set(written).union(readAlone) == Set(ConfigurationTable.paths))
    #expect(paths(synthetic.jsonValue) == ConfigurationTable.paths.filter { paths(synthetic.jsonValue).contains($0) })
  }

  /// A key's default is allowed, and says what an absent key is read as.
  @Test("a missing key reads as its default")
  func defaultsAreWhatIsReadWithoutTheKey() throws {
    func check(_ keys: [ConfigurationKey], _ value: JSONValue, _ path: String) {
      for key in keys {
        let keyPath = path.isEmpty ? key.name : "\(path).\(key.name)"
        if case .section(let keys) = key.kind, let section = value[key.name] { check(keys, section, keyPath) }
        guard case .value(let fallback) = key.fallback else { continue }
        #expect(key.kind.mistake(in: fallback, at: keyPath) == nil)
        if let condition = key.condition, !condition.words.isEmpty {
          guard condition.words.contains(where: { .string($0) == value[condition.key] }) else { continue }
        }
        guard let written = value[key.name] else { continue }
        #expect(written.compactText == fallback.compactText, "\(keyPath)")
      }
    }
    for format in ["digits'", "synthetic'", "image_folder', train: 'a'"] {
      let run = try configuration(configurationText(extra: "data: { format: '\(format) }"))
      var keys = ConfigurationTable.keys.filter { $0.name != "data" }
      check(keys, run.jsonValue, "")
      keys = ConfigurationTable.data.map(\.key).filter { $0.name != "format" }
      check(keys, run.jsonValue["data"] ?? .null, "data")
    }
  }

  @Test(
    "the table says what may change between the parts of a run",
    arguments: [
      ("name", true), ("seed", false), ("model.input[0]", false), ("model.layers[2].filters", false),
      ("data.format", true), ("data.train.images", true), ("data.test.labels", true), ("data.mean[1]", false),
      ("data.train.file", true), ("data.train[1]", true), ("data.resize.shorter_side", false),
      ("data.on_error", true), ("data.examples", false), ("training.epochs", true),
      ("training.optimizer.lr", false), ("runtime.workers", true),
      ("training.max_steps", true),
      ("training.stop_at.value", true), ("training.early_stopping.patience", true), ("training.ema.decay", false),
      ("training.evaluate_every_epochs", false), ("model.layers[0].trainable", false), ("checkpoint.monitor", true),
      ("runtime.shard_size", false), ("runtime.placement.nodes[0]", true), ("runtime.memory.huge_pages", true),
      ("checkpoint.every_seconds", true), ("checkpoint.keep_best", true), ("logging.every_steps", true),
      ("runtime.unheard_of", false), ("training", false), ("", false),
    ])
  func whatMayChangeBetweenThePartsOfARun(path: String, expected: Bool) throws {
    #expect(try configuration(configurationText()).mayChange(path) == expected)
    // The length of a run decides its learning rates.
    let cosine = try configuration(configurationText(extra: "training: { lr_schedule: { type: 'cosine' } }"))
    #expect(!cosine.mayChange("training.epochs") && !cosine.mayChange("training.max_steps"))
  }

  /// `make references` writes what the table gives instead of comparing.
  @Test("the reference page and the dictionary are up to date")
  func thePageAndTheDictionaryAreWhatTheTableGives() throws {
    let tokens = String(decoding: try contents(ofFile: fixture("../../Fuzz/dictionary/json")), as: UTF8.self)
    let dictionary = tokens + ConfigurationReference.words.map { "\"\($0)\"\n" }.joined()
    for (path, text) in [
      ("docs/configuration.md", ConfigurationReference.page), ("Fuzz/dictionary/configuration", dictionary),
      ("Config/schema.json", ConfigurationSchema.text),
    ] {
      let file = fixture("../../\(path)")
      if getenv("LOCKSTEP_WRITE_REFERENCES") != nil { try AtomicFile.write(text, to: file) }
      let committed = String(decoding: try contents(ofFile: file), as: UTF8.self)
      #expect(committed == text, "\(path) is not what the table gives; make references writes it")
    }
  }
}

import Configuration
import ConfigurationKeys
import Storage
import Testing

@testable import Lockstep

/// Swift values against the one table of the configuration's keys.
@Suite struct SettingsTests {
  private static let net: [Layer] = [.flatten(), .dense(units: 10), .softmax()]

  @Test("without settings, an experiment has the configuration's defaults")
  func defaultsAreTheConfigurations() throws {
    let layers = #"[{ type: "flatten" }, { type: "dense", units: 10 }, { type: "softmax" }]"#
    let text = "{ model: { input: [8, 8, 1], layers: \(layers) }, ledger: { every_steps: 0 } }"
    let experiment = try Experiment(model: Model(input: ImageSize(8, 8, 1), layers: Self.net))
    let read = try ConfigurationReader.read(text: text, file: "experiment.json")
    #expect(experiment.configuration == read.jsonText)
  }

  @Test("settings of every section are those of the file with the same keys")
  func settingsAreThoseOfTheFile() throws {
    for (value, text) in Self.pairs {
      let written = JSONValue.object([.init(value.key, value.json)])
      let rest = JSONValue.object([.init("model", Self.model)])
      let read = try JSONReader.value(of: "{ \(text) }", subject: "text")
      func run(_ value: JSONValue) throws -> String {
        guard case .object(var members) = rest, case .object(let more) = value else { return "" }
        members.removeAll { member in more.contains { $0.key == member.key } }
        return try ConfigurationReader.read(
          text: JSONValue.object(members + more).compactText, file: "experiment.json"
        ).jsonText
      }
      #expect(try run(written) == run(read), "\(text)")
    }
  }

  @Test("there is a Swift value for every key, and a key for every value")
  func everyKeyHasAValue() {
    var found: Set<String> = []
    for value in Self.everything { Self.collect(value.json, value.key, into: &found) }
    var known: Set<String> = []
    Self.collect(ConfigurationTable.keys.filter { $0.name != "model" }, "", into: &known)
    for model in ConfigurationTable.keys where model.name == "model" {
      Self.collect(model.keys, "model.", into: &known)
    }
    // The library writes no files of a run, keeps decoded images in memory, and is one process.
    let files: Set = [
      "name", "seed", "$schema", "data.cache", "ledger.every_steps", "checkpoint.keep_last", "checkpoint.keep_best",
      "checkpoint.monitor", "logging.report", "logging.csv", "logging.tensorboard",
      "runtime.mpi.timeout_seconds", "runtime.mpi.overlap",
    ]
    #expect(known.subtracting(found).subtracting(files).sorted() == [])
    #expect(found.subtracting(known).sorted() == [])
  }

  @Test("a number that is none is refused by its name, and not taken for a default")
  func numbersThatAreNoneAreRefused() throws {
    for value in [Double.nan, .infinity] {
      let error = #expect(throws: LockstepError.self) {
        _ = try Experiment(
          model: Model(input: ImageSize(8, 8, 1), layers: Self.net),
          training: TrainingSettings(optimizer: .sgd(lr: value)))
      }
      #expect(error?.category == .badConfiguration)
      #expect(error?.subject == "training.optimizer.lr" && error?.message.contains("\(value)") == true)
    }
  }

  @Test("all mistakes come at once, each with its key path")
  func allMistakesComeAtOnce() {
    let error = #expect(throws: LockstepError.self) {
      _ = try Experiment(
        model: Model(
          input: ImageSize(8, 8, 1), layers: [.conv2d(filters: 0, kernelSize: [3, 5, 7]), .flatten(), .softmax()]),
        training: TrainingSettings(epochs: 0, batchSize: -1))
    }
    #expect(
      error?.parts.map(\.subject) == [
        "model.layers[0].filters", "model.layers[0].kernel_size", "training.epochs", "training.batch_size",
      ])
    #expect(error?.description.contains("found -1") == true)
  }

  // MARK: Values

  private typealias Keyed = (key: String, json: JSONValue)

  private static let model = Model(input: ImageSize(8, 8, 1), layers: net).json

  private static let pairs: [(value: Keyed, text: String)] = [
    (
      ("model", Model.preset(.resnet18, classes: 7, stem: .cifar, frozen: ["conv2d_*"]).json),
      #"model: { preset: "resnet18", classes: 7, stem: "cifar", frozen: ["conv2d_*"] }"#
    ),
    (
      (
        "model",
        Model(
          input: ImageSize(9, 8, 2),
          layers: [
            .conv2d(
              filters: 4, kernelSize: [3, 1], strides: 2, padding: .sides(top: 1, bottom: 0, left: 1, right: 1),
              activation: .relu6, name: "first"), .batchNorm(momentum: 0.8, virtualBatchSize: 16),
            .residual(
              [.conv2d(filters: 4, kernelSize: 3, padding: .same, useBias: false)], activation: .leakyRelu, repeat: 2),
            .maxPool2d(poolSize: 3, strides: 1, padding: .all(1), ties: .first), .globalAvgPool2d(),
            .dense(units: 3, initializer: .zeros, trainable: false), .dropout(rate: 0.25), .dense(units: 3), .softmax(),
          ]
        ).json
      ),
      #"""
      model: { input: [9, 8, 2], layers: [
        { type: "conv2d", filters: 4, kernel_size: [3, 1], strides: 2, padding: [1, 0, 1, 1], activation: "relu6",
          name: "first" }, { type: "batch_norm", momentum: 0.8, virtual_batch_size: 16 },
        { type: "residual", layers: [{ type: "conv2d", filters: 4, kernel_size: 3, padding: "same", use_bias: false }],
          activation: "leaky_relu", repeat: 2 },
        { type: "max_pool2d", pool_size: 3, strides: 1, padding: 1, ties: "first" }, { type: "global_avg_pool2d" },
        { type: "dense", units: 3, initializer: "zeros", trainable: false }, { type: "dropout", rate: 0.25 },
        { type: "dense", units: 3 }, { type: "softmax" }] }
      """#
    ),
    (
      ("data", DataSettings.imageFolder(train: "a", validationSplit: 0.2, shorterSide: 9, centerCrop: true).json),
      #"data: { format: "image_folder", train: "a", validation_split: 0.2, resize: { shorter_side: 9 }, crop: "center" }"#
    ),
    (
      ("data", DataSettings.npz(train: ArrayFiles(archive: "a.npz")).json),
      #"data: { format: "npz", train: { file: "a.npz" } }"#
    ),
    (("data", DataSettings.cifar10(train: ["c"]).json), #"data: { format: "cifar10", train: ["c"] }"#),
    (
      (
        "training", TrainingSettings(epochs: 3, optimizer: .adamw(), lrSchedule: .cosine(warmup: .init(epochs: 1))).json
      ),
      #"training: { epochs: 3, optimizer: { type: "adamw" }, lr_schedule: { type: "cosine", warmup_epochs: 1 } }"#
    ),
    (("training", TrainingSettings(optimizer: .rmsprop()).json), #"training: { optimizer: { type: "rmsprop" } }"#),
    (("training", TrainingSettings(optimizer: .adam()).json), #"training: { optimizer: { type: "adam" } }"#),
    (
      ("training", TrainingSettings(optimizer: .lars(), lrSchedule: .oneCycle()).json),
      #"training: { optimizer: { type: "lars" }, lr_schedule: { type: "one_cycle" } }"#
    ),
    (("training", TrainingSettings(lrSchedule: .plateau()).json), #"training: { lr_schedule: { type: "plateau" } }"#),
    (("training", TrainingSettings(lrSchedule: .linear()).json), #"training: { lr_schedule: { type: "linear" } }"#),
    (("training", TrainingSettings(lrSchedule: .step()).json), #"training: { lr_schedule: { type: "step" } }"#),
  ]

  /// At least one value for each key.
  private static var everything: [Keyed] {
    let layers: [Layer] = [
      .conv2d(filters: 1, kernelSize: 1, activation: .relu, name: "a"),
      .depthwiseConv2d(kernelSize: 1, activation: .relu), .batchNorm(virtualBatchSize: 1), .relu(maxValue: 1),
      .leakyRelu(), .gelu(), .silu(), .dropout(rate: 0), .maxPool2d(strides: 1), .avgPool2d(strides: 1),
      .globalAvgPool2d(), .flatten(), .dense(units: 1, activation: .gelu), .softmax(),
    ]
    var training = TrainingSettings()
    (training.ema, training.earlyStopping) = (.init(), .init())
    training.stopAt = .init(metric: .loss, value: 0)
    (training.clipNorm, training.maxSteps, training.maxSeconds) = (1, 1, 1)
    var runtime = RuntimeSettings()
    runtime.placement.nodes = [0]
    var pinned = RuntimeSettings()
    pinned.placement.cpus = "0"
    var augmented = DataSettings.digits
    augmented.augment.randomCropPadding = 1
    (augmented.augment.randomResizedCrop, augmented.augment.colorJitter) = (.init(), .init())
    let file = ArrayFiles(archive: "a", images: "b", labels: "c")
    let data: [DataSettings] = [
      augmented, .npz(train: file, test: file),
      .imageFolder(train: "a", test: "b", shorterSide: 1, centerCrop: true, readerThreads: 1),
      .synthetic(), .idx(train: IDXFiles(images: "a", labels: "b"), test: IDXFiles(images: "a", labels: "b")),
    ]
    let optimizers: [Optimizer] = [
      .sgd(weightDecayNorm: 1), .adam(), .adamw(), .rmsprop(), .lars(),
    ]
    let schedules: [Lockstep.LearningRateSchedule] = [
      .constant(warmup: .init(epochs: 1)), .step(), .multiStep(milestones: [1]), .exponential(gamma: 1), .cosine(),
      .linear(), .oneCycle(), .plateau(),
    ]
    var values: [Keyed] = [
      (
        "model",
        Model(
          input: ImageSize(1, 1, 1), layers: layers + [.residual(layers, shortcut: layers, activation: .relu)],
          frozen: ["a"]
        ).json
      ),
      ("model", Model.preset(.resnet18, classes: 1, input: ImageSize(1, 1, 1), stem: .cifar).json),
      ("training", training.json), ("runtime", runtime.json), ("runtime", pinned.json),
      ("checkpoint", CheckpointSettings().json), ("logging", LoggingSettings().json),
    ]
    values += data.map { ("data", $0.json) }
    values += optimizers.map { ("training", TrainingSettings(optimizer: $0).json) }
    values += schedules.map { ("training", TrainingSettings(lrSchedule: $0).json) }
    return values
  }

  // MARK: Paths

  /// The paths of all keys in a value, without the places in arrays.
  private static func collect(_ value: JSONValue, _ path: String, into paths: inout Set<String>) {
    switch value {
    case .object(let members):
      for member in members { collect(member.value, path.isEmpty ? member.key : "\(path).\(member.key)", into: &paths) }
    case .array(let elements) where elements.contains { if case .object = $0 { true } else { false } }:
      for element in elements { collect(element, path, into: &paths) }
    default: paths.insert(path)
    }
  }

  private static func collect(_ keys: [ConfigurationKey], _ path: String, into paths: inout Set<String>) {
    for key in keys {
      if key.keys.isEmpty {
        paths.insert(path + key.name)
      } else {
        collect(key.keys, "\(path)\(key.name).", into: &paths)
      }
    }
  }
}

import Diagnostics
import Testing

@testable import Configuration

/// One wrong configuration: what is put into `extra`, the key path blamed, and words the whole message must hold.
struct WrongValue: Sendable, CustomTestStringConvertible {
  var extra: String
  var subject: String
  var words: [String]
  var testDescription: String { extra }

  init(_ extra: String, _ subject: String, _ words: String...) {
    self.extra = extra
    self.subject = subject
    self.words = words
  }
}

@Suite struct ConfigurationErrorTests {
  static let wrongValues: [WrongValue] = [
    WrongValue("seed: -1", "seed", "-1", "an integer from 0 to 9223372036854775807"),
    WrongValue("seed: 1.5", "seed", "1.5", "an integer"),
    WrongValue("seed: 9223372036854775808", "seed", "9.22", "9223372036854775807"),
    WrongValue("seed: '1'", "seed", "\"1\"", "an integer"),
    WrongValue("name: 'a/b'", "name", "\"a/b\"", "without /"),
    WrongValue("name: '..'", "name", "\"..\"", "folder"),
    WrongValue("name: ''", "name", "\"\"", "1 to 128"),
    WrongValue("name: 7", "name", "7", "characters"),
    WrongValue("nam: 'x'", "nam", "unknown key", "nearest known key is name"),
    WrongValue("epochs: 3", "epochs", "training.epochs"),
    WrongValue("lr: 3", "lr", "training.optimizer.lr"),
    WrongValue("training: 3", "training", "3", "an object"),
    WrongValue("training: { epoch: 3 }", "training.epoch", "unknown key", "nearest known key is epochs"),
    WrongValue("training: { lr: 3 }", "training.lr", "unknown key", "training.optimizer.lr"),
    WrongValue("training: { batchSize: 3 }", "training.batchSize", "unknown key", "batch_size"),
    WrongValue("training: { epochs: 0 }", "training.epochs", "0", "from 1 to 1000000"),
    WrongValue("training: { epochs: 1000001 }", "training.epochs", "1000001", "from 1 to 1000000"),
    WrongValue("training: { batch_size: 0 }", "training.batch_size", "0", "from 1"),
    WrongValue("training: { batch_size: 1e300 }", "training.batch_size", "1e+300", "an integer"),
    WrongValue("training: { batch_size: [1] }", "training.batch_size", "[1]", "an integer"),
    WrongValue("training: { shuffle: 1 }", "training.shuffle", "1", "true or false"),
    WrongValue("training: { shuffle: 'yes' }", "training.shuffle", "\"yes\"", "true or false"),
    WrongValue("training: { optimizer: { lr: -0.1 } }", "training.optimizer.lr", "-0.1", "at least 0"),
    WrongValue(
      "training: { optimizer: { lr: 1e39 } }", "training.optimizer.lr", "found 1e+39, out of range for Float",
      "at least 0, up to 3.4028235e+38"),
    WrongValue("training: { optimizer: { weight_decay: 4e38 } }", "training.optimizer.weight_decay", "for Float"),
    WrongValue("data: { scale: -4e38 }", "data.scale", "found -4e+38, out of range for Float", "up to 3.4028235e+38"),
    WrongValue("data: { mean: [4e38] }", "data.mean[0]", "found 4e+38, out of range for Float"),
    WrongValue("data: { std: [1e-300] }", "data.std", "/ 1e-300 reaches 9", "in channel 0", "the largest Float"),
    WrongValue("data: { mean: [100], std: [1e-37] }", "data.std", "(pixel · ", "reaches 1e+39"),
    WrongValue("data: { scale: 1e37 }", "data.scale", "reaches 2.55e+39 in channel 0"),
    WrongValue("training: { optimizer: { lr: true } }", "training.optimizer.lr", "true", "a finite number"),
    WrongValue("training: { optimizer: { momentum: 1.1 } }", "training.optimizer.momentum", "1.1", "from 0 to 1"),
    WrongValue(
      "training: { optimizer: { type: 'adam', momentum: 0.5 } }", "training.optimizer.momentum", "unknown key",
      "momentum goes with type \"sgd\" or \"lars\" or \"rmsprop\""),
    WrongValue(
      "training: { optimizer: { betas: [0.9, 0.99] } }", "training.optimizer.betas", "goes with type \"adam\""),
    WrongValue(
      "training: { optimizer: { type: 'adamw', betas: [0.9, 1] } }", "training.optimizer.betas[1]", "found 1",
      "0.999999"),
    WrongValue("training: { optimizer: { type: 'rmsprop', epsilon: 0 } }", "training.optimizer.epsilon", "found 0"),
    WrongValue("training: { lr_schedule: { type: 'multi_step' } }", "training.lr_schedule.milestones", "is missing"),
    WrongValue(
      "training: { lr_schedule: { type: 'multi_step', milestones: [3, 3] } }", "training.lr_schedule.milestones",
      "ascending"),
    WrongValue(
      "training: { lr_schedule: { type: 'one_cycle', warmup_epochs: 1 } }", "training.lr_schedule.warmup_epochs",
      "warmup_epochs goes with type"),
    WrongValue("training: { lr_schedule: { type: 'exponential', gamma: 0 } }", "training.lr_schedule.gamma", "found 0"),
    WrongValue("training: { stop_at: { metric: 'val_acuracy', value: 1 } }", "training.stop_at.metric", "val_accuracy"),
    WrongValue("training: { early_stopping: { patience: 0 } }", "training.early_stopping.patience", "found 0"),
    WrongValue("training: { ema: { decay: 1 } }", "training.ema.decay", "found 1"),
    WrongValue("training: { label_smoothing: 1 }", "training.label_smoothing", "found 1"),
    WrongValue("data: { augment: { horizontal_flip: 1.5 } }", "data.augment.horizontal_flip", "found 1.5"),
    WrongValue(
      "data: { augment: { horizontal_flip: 'always' } }", "data.augment.horizontal_flip",
      "allowed: \"alternate\" or a number"),
    WrongValue("data: { augment: { random_crop: {} } }", "data.augment.random_crop.padding", "is missing"),
    WrongValue(
      "data: { augment: { random_crop: { padding: 1 }, random_resized_crop: {} } }", "data.augment.random_resized_crop",
      "one of the two"),
    WrongValue("data: { augment: { mixup: 3 } }", "data.augment.mixup", "found 3", "from 0 to 2"),
    WrongValue("training: { clip_norm: 0 }", "training.clip_norm", "found 0", "above 0"),
    WrongValue("training: { optimizer: { type: 'sdg' } }", "training.optimizer.type", "\"sdg\"", "\"sgd\""),
    WrongValue(
      "training: { optimizer: { nesterov: true, momentum: 0 } }", "training.optimizer.nesterov", "true", "above 0"),
    WrongValue(
      "training: { lr_schedule: { type: 'cosinus' } }", "training.lr_schedule.type", "\"cosinus\"", "\"constant\""),
    WrongValue("training: { lr_schedule: 'constant' }", "training.lr_schedule", "\"constant\"", "an object"),
    WrongValue(
      "data: { format: 'parquet' }", "data.format", "\"parquet\"", "\"idx\", \"cifar10\", \"cifar100\", \"npz\""),
    WrongValue("data: { format: 'npz' }", "data.train", "missing", "file, images, labels"),
    WrongValue("data: { format: 'npz', train: { images: 'a.npy' } }", "data.train.labels", "missing", ".npy"),
    WrongValue("data: { format: 'npz', train: { file: 3 } }", "data.train.file", "found 3", "path"),
    WrongValue("data: { format: 'image_folder' }", "data.train", "missing", "path"),
    WrongValue("data: { format: 'image_folder', train: 'a', crop: 'top' }", "data.crop", "\"top\"", "\"center\""),
    WrongValue(
      "data: { format: 'image_folder', train: 'a', resize: { shorter_side: 0 } }", "data.resize.shorter_side",
      "found 0",
      "8192"),
    WrongValue(
      "data: { format: 'image_folder', train: 'a', test: 'b', validation_split: 0.1 }", "data.validation_split", "0.1",
      "one of them"),
    WrongValue("data: { format: 'cifar10' }", "data.train", "missing", "a path, or an array"),
    WrongValue("data: { format: 'cifar10', train: ['a', ''] }", "data.train", "[\"a\", \"\"]", "a path, or an array"),
    WrongValue("data: { format: 'indx' }", "data.format", "\"indx\"", "the nearest is \"idx\""),
    WrongValue("data: { format: 'idx' }", "data.train", "missing", "images"),
    WrongValue("data: { format: 'idx', train: { images: 'a' } }", "data.train.labels", "missing", "path"),
    WrongValue("data: { format: 'idx', train: { images: '', labels: 'b' } }", "data.train.images", "\"\"", "path"),
    WrongValue("data: { train: {} }", "data.train", "unknown key", "format, scale, mean, std"),
    WrongValue("data: { scale: 'avto' }", "data.scale", "\"avto\"", "not 0, or \"auto\""),
    WrongValue("data: { mean: ['auto'] }", "data.mean[0]", "\"auto\"", "a finite number"),
    WrongValue("data: { scale: 0 }", "data.scale", "0", "not 0"),
    WrongValue("data: { std: [0] }", "data.std[0]", "0", "above 0"),
    WrongValue("data: { mean: [0, 1] }", "data.mean", "[0, 1]", "an array of 1 number"),
    WrongValue("data: { mean: 0 }", "data.mean", "0", "an array of 1 number"),
    WrongValue("data: { format: 'synthetic', classes: 0 }", "data.classes", "0", "from 1 to 65536"),
    WrongValue("data: { format: 'synthetic', examples: 0 }", "data.examples", "0", "from 1"),
    WrongValue("runtime: { workers: 'many' }", "runtime.workers", "\"many\"", "\"auto\" or an integer from 1"),
    WrongValue("runtime: { workers: 0 }", "runtime.workers", "0", "\"auto\" or an integer from 1"),
    WrongValue("runtime: { shard_size: 0 }", "runtime.shard_size", "0", "from 1 to 65536"),
    WrongValue(
      "runtime: { placement: { policy: 'clos' } }", "runtime.placement.policy", "\"clos\"", "nearest is \"close\""),
    WrongValue("runtime: { placement: { cpus: '3-1' } }", "runtime.placement.cpus", "\"3-1\"", "\"0-3,8\""),
    WrongValue("runtime: { placement: { cpus: '1,' } }", "runtime.placement.cpus", "\"1,\"", "\"0-3,8\""),
    WrongValue("runtime: { placement: { cpus: '1-2-3' } }", "runtime.placement.cpus", "\"1-2-3\"", "\"0-3,8\""),
    WrongValue("runtime: { placement: { cpus: '1', policy: 'close' } }", "runtime.placement.cpus", "\"1\"", "not both"),
    WrongValue("runtime: { placement: { nodes: [] } }", "runtime.placement.nodes", "[]", "\"all\""),
    WrongValue("runtime: { placement: { nodes: [0, 0] } }", "runtime.placement.nodes", "[0, 0]", "different"),
    WrongValue("checkpoint: { keep_last: 0 }", "checkpoint.keep_last", "0", "from 1"),
    WrongValue("logging: { every_steps: 0 }", "logging.every_steps", "0", "from 1"),
    WrongValue("logging: { every_step: 1 }", "logging.every_step", "unknown key", "every_steps"),
    WrongValue("learning_rate: 3", "learning_rate", "nearest known key is training.optimizer.lr"),
    WrongValue("training: { bs: 3 }", "training.bs", "nearest known key is batch_size"),
    WrongValue("runtime: { num_workers: 3 }", "runtime.num_workers", "nearest known key is workers"),
    WrongValue("runtime: { keep_best: 3 }", "runtime.keep_best", "nearest known key is checkpoint.keep_best"),
    WrongValue("data: { classes: 3 }", "data.classes", "unknown key", "classes goes with format \"synthetic\""),
  ]

  @Test("a wrong value's error gives path, value and what is allowed", arguments: wrongValues)
  func aWrongValueNamesPathValueAndWhatIsAllowed(_ wrong: WrongValue) {
    let error = configurationError(configurationText(extra: wrong.extra))
    #expect(error.category == .badConfiguration)
    #expect(error.subject == wrong.subject)
    for word in wrong.words { #expect(error.description.contains(word), "\(error)") }
    #expect(error.description.contains("/etc/nets/small.json"), "says where the value is: \(error)")
  }

  static let wrongLayers: [(String, String, String)] = [
    ("{ type: 'conv2', filters: 1, kernel_size: 3 }", "model.layers[0].type", "the nearest is \"conv2d\""),
    ("{ filters: 1 }", "model.layers[0].type", "missing"),
    ("{ type: 'conv2d', kernel_size: 3 }", "model.layers[0].filters", "missing"),
    ("{ type: 'conv2d', filters: 1, kernel_size: 0 }", "model.layers[0].kernel_size", "found 0; allowed: an integer"),
    (
      "{ type: 'conv2d', filters: 1, kernel_size: [3] }", "model.layers[0].kernel_size",
      "found [3]; allowed: an integer from 1 to 1024, or [height, width]"
    ),
    ("{ type: 'conv2d', filters: 1, kernel_size: [3, 0] }", "model.layers[0].kernel_size", "found [3, 0]"),
    ("{ type: 'conv2d', filters: 1, kernel_size: 3, dilation_rate: 0 }", "model.layers[0].dilation_rate", "found 0"),
    ("{ type: 'conv2d', filters: 1, kernel_size: 3, use_bias: 0 }", "model.layers[0].use_bias", "true or false"),
    (
      "{ type: 'conv2d', filters: 1, kernel_size: 3, padding: [1, 1] }", "model.layers[0].padding",
      "found [1, 1]; allowed: \"valid\", \"same\", an integer from 0 to 1024, or [top, bottom, left, right]"
    ),
    ("{ type: 'conv2d', filters: 1, kernel_size: 3, stride: 1 }", "model.layers[0].stride", "known key is strides"),
    ("{ type: 'conv2d', filters: 1, kernel_size: 3, strides: [2] }", "model.layers[0].strides", "found [2]; allowed"),
    (
      "{ type: 'conv2d', filters: 1, kernel_size: 3, padding: 'Same' }", "model.layers[0].padding",
      "nearest is \"same\""
    ),
    ("{ type: 'conv2d', filters: 1, kernel_size: 3, algorithm: 'fft' }", "model.layers[0].algorithm", "\"winograd\""),
    ("{ type: 'max_pool2d', ties: 'last' }", "model.layers[0].ties", "\"all\", \"first\""),
    ("{ type: 'max_pool2d', pool_size: 0 }", "model.layers[0].pool_size", "found 0; allowed: an integer from 1"),
    ("{ type: 'avg_pool2d', strides: [2, 1, 1] }", "model.layers[0].strides", "found [2, 1, 1]; allowed: an integer"),
    ("{ type: 'max_pool2d', padding: 2 }", "model.layers[0] (max_pool2d_1)", "padding [2, 2, 2, 2] with pool_size 2×2"),
    ("{ type: 'global_avg_pool2d', pool_size: 2 }", "model.layers[0].pool_size", "unknown key"),
    ("{ type: 'avg_pool2d', ties: 'all' }", "model.layers[0].ties", "unknown key"),
    ("{ type: 'relu', name: 'a.b' }", "model.layers[0].name", "\"a.b\""),
    ("{ type: 'relu', name: 'r' }, { type: 'relu', name: 'r' }", "model.layers[1].name", "the name of model.layers[0]"),
    ("{ type: 'relu', name: 'relu_2' }, { type: 'relu' }", "model.layers[1].name", "\"relu_2\""),
    ("{ type: 'relu' }, 'relu'", "model.layers[1]", "found \"relu\"; allowed: an object"),
    ("{ type: 'dense', units: 3 }, { type: 'softmax' }", "model.layers[0] (dense_1)", "8×8×1"),
    ("{ type: 'flatten' }, { type: 'dense', units: 16777217 }", "model.layers[1].units", "16777217"),
  ]

  @Test("a wrong layer is named", arguments: wrongLayers)
  func aWrongLayerIsNamed(layers: String, subject: String, words: String) {
    let error = configurationError(configurationText(layers: layers))
    #expect(error.category == .badConfiguration)
    #expect(error.subject == subject)
    #expect(error.description.contains(words), "\(error)")
  }

  @Test(
    "a wrong input shape is named",
    arguments: [
      ("[8, 8]", "model.input", "[8, 8]"), ("[8, 0, 1]", "model.input[1]", "found 0"),
      ("[8, 8, 65537]", "model.input[2]", "65537"), ("64", "model.input", "found 64"),
      ("[8, 8, 1.5]", "model.input[2]", "1.5"),
    ])
  func aWrongInputShapeIsNamed(input: String, subject: String, words: String) {
    let error = configurationError(configurationText(input: input))
    #expect(error.subject == subject)
    #expect(error.description.contains(words), "\(error)")
  }

  @Test("all mistakes are listed at once")
  func allMistakesAreListedAtOnce() {
    let text = """
      {
        nam: 'x',
        model: { input: [8, 8, 0], layer: [], layers: [{ type: 'conv2d', filter: 3 }, { type: 'layer_norm' }, 7] },
        data: { format: 'parquet', examples: 3, mean: 'a' },
        training: { epochs: 0, optimizer: { lr: -1, momentun: 0 } },
        runtime: { workers: 0, placement: { policy: 'close', cpus: '0' } },
      }
      """
    let error = configurationError(text, [.set("seed", "-1")])
    #expect(error.category == .badConfiguration)
    #expect(error.subject == "/etc/nets/small.json")
    #expect(
      error.parts.map(\.subject) == [
        "nam", "seed", "model.layer", "model.input[2]", "model.layers[0].filter",
        "model.layers[0].kernel_size", "model.layers[1].type", "model.layers[2]", "data.format", "data.mean",
        "training.epochs", "training.optimizer.momentun", "training.optimizer.lr", "runtime.workers",
        "runtime.placement.cpus",
      ])
    #expect(
      error.description.contains("\n  seed: found -1; allowed: an integer from 0 to 9223372036854775807 (in --set"))
    #expect(error.description.split(separator: "\n").count == 21)
  }

  @Test("every layer is read")
  func everyLayerIsRead() {
    let layers = "{ type: 'conv2d', filter: 3 }, { type: 'layer_norm' }, { type: 'dense', units: 0, name: '.' }"
    let error = configurationError(configurationText(layers: layers))
    #expect(
      error.parts.map(\.subject) == [
        "model.layers[0].filter", "model.layers[0].kernel_size", "model.layers[1].type", "model.layers[2].name",
        "model.layers[2].units",
      ], "filters is what filter means, so that it is not missing too")
    #expect(error.parts[0].hint == "the nearest known key is filters")
    #expect(error.parts[2].hint == nil)
  }

  @Test("missing model parts are named")
  func missingModelPartsAreNamed() {
    #expect(configurationError("{}").parts.map(\.subject) == ["model.input", "model.layers"])
    #expect(configurationError("{ model: { input: [1, 1, 1] } }").subject == "model.layers")
    #expect(configurationError("{ model: { input: [1, 1, 1], layers: [] } }").subject == "model.layers")
    #expect(configurationError("[]").subject == "the configuration")
  }

  @Test("a file that cannot be read is missing input", arguments: ["/nonexistent/net.json", "/"])
  func aFileThatCannotBeReadIsInputMissing(file: String) {
    do {
      _ = try ConfigurationReader.read(file: file)
      Issue.record("read \(file)")
    } catch {
      #expect(error.category == .inputMissing)
      #expect(error.subject == file)
    }
  }

  /// A missing key that an unknown one seems to mean is reported once, and the missing value is not read.
  @Test("a misspelt key is not reported as missing too")
  func aMisspeltKeyStandsForTheMissingOne() throws {
    let text = configurationText(layers: "{ type: 'flatten' }, { tyPe: 'dense', units: 3 }, { type: 'softmax' }")
    let error = try #require(throws: UserError.self) { _ = try configuration(text) }
    #expect(error.category == .badConfiguration && error.description.contains("model.layers[1].tyPe"), "\(error)")
  }
}

import Diagnostics
import Network
import TestSupport
import Testing

@testable import Configuration

@Suite struct ConfigurationTests {
  /// The example of the documented interface.
  static let documented = """
    {
      name: "lenet-mnist",
      seed: 1,
      model: {
        input: [28, 28, 1],                        // height, width, channels
        layers: [
          { type: "conv2d", filters: 32, kernel_size: 5, padding: "same" },   // or "valid"
          { type: "relu" },
          { type: "max_pool2d" },                  // 2×2, stride 2; ties: "all" | "first"
          { type: "conv2d", filters: 64, kernel_size: 5, padding: "same" },
          { type: "relu" },
          { type: "avg_pool2d" },
          { type: "flatten" },
          { type: "dense", units: 512 },
          { type: "relu" },
          { type: "dense", units: 10 },
          { type: "softmax" },
        ],
      },
      data: {
        format: "idx",
        train: { images: "data/train-images-idx3-ubyte.gz", labels: "/data/train-labels-idx1-ubyte.gz" },
        test:  { images: "data/t10k-images-idx3-ubyte.gz",  labels: "../t10k-labels-idx1-ubyte.gz" },
        scale: 0.00392156862745098,
        mean: [0], std: [1],
      },
      training: {
        epochs: 10, batch_size: 128, shuffle: true,
        optimizer: { type: "sgd", lr: 0.05, momentum: 0.9, nesterov: false, weight_decay: 0 },
        lr_schedule: { type: "constant" },
      },
      runtime: {
        workers: "auto", shard_size: 16,
        placement: { policy: "close", nodes: "all", use_smt: false },
        memory: { dataset: "auto", huge_pages: true },
      },
      checkpoint: { every_epochs: 1, keep_last: 2 },
      logging: { every_steps: 10 },
    }
    """

  /// Every key away from its default.
  static let unusual = configurationText(
    input: "[6, 8, 3]",
    layers: """
      { type: 'conv2d', name: 'first', filters: 5, kernel_size: 3, padding: 1, algorithm: 'winograd', strides: [1, 1] },
      { type: 'conv2d', filters: 5, kernel_size: [3, 2], strides: [1, 2], padding: [1, 1, 0, 1], dilation_rate: [2, 1], groups: 5, use_bias: false, algorithm: 'direct' },
      { type: 'depthwise_conv2d', kernel_size: [1, 2], strides: 1, padding: 'same', depth_multiplier: 2, use_bias: false },
      { type: 'max_pool2d', ties: 'first', pool_size: [2, 3], strides: 1, padding: [1, 0, 2, 1] },
      { type: 'avg_pool2d', pool_size: 2, strides: [1, 2], padding: 'same' }, { type: 'global_avg_pool2d' },
      { type: 'dense', units: 3, use_bias: false, trainable: false, lr_scale: 0.25 }, { type: 'softmax' },
      """,
    extra: """
      name: 'ünï "x"\\\\', seed: 9223372036854775807,
      data: { format: 'synthetic', examples: 10, test_examples: 0, classes: 3, mean: [1e-3, -2, 0.1], std: [3],
        augment: {
          random_resized_crop: { scale: [0.5, 1], ratio: [1, 2] }, horizontal_flip: 0.5, random_erasing: 0.25,
          color_jitter: { brightness: 0.5, contrast: 0.25, saturation: 1 }, mixup: 0.5, cutmix: 1,
        },
      },
      training: {
        shuffle: false,
        optimizer: { type: 'lars', lr: 1e-5, momentum: .5, nesterov: true, weight_decay: 0x1, weight_decay_norm: 0 },
        lr_schedule: { type: 'multi_step', milestones: [1.5, 2], gamma: 0.5, warmup_epochs: 0.5 },
        label_smoothing: 0.1, clip_norm: 2, ema: { decay: 0.5, every_steps: 3 }, max_steps: 9, max_seconds: 0.5,
        early_stopping: { monitor: 'loss', patience: 2, min_delta: 1 }, stop_at: { metric: 'accuracy', value: 0.5 },
        evaluate_every_epochs: 2, test_time_augmentation: 'flip',
      },
      runtime: {
        workers: 3, shard_size: 1, placement: { cpus: '0-3,8', nodes: [1, 0], use_smt: true },
        memory: { dataset: 'per_node', huge_pages: false },
      },
      """)

  @Test("the documented example reads as written")
  func theDocumentedExampleReadsAsWritten() throws {
    let run = try configuration(Self.documented)
    #expect(run.name == "lenet-mnist")
    #expect(run.model.input == ImageShape(height: 28, width: 28, channels: 1))
    #expect(
      run.model.layers.map(\.name) == [
        "conv2d_1", "relu_1", "max_pool2d_1", "conv2d_2", "relu_2", "avg_pool2d_1", "flatten_1", "dense_1", "relu_3",
        "dense_2", "softmax_1",
      ])
    #expect(run.model.layers[0].kind == .conv2d(filters: 32, kernelSize: 5, padding: .same, algorithm: .auto))
    #expect(run.model.layers[2].kind == .maxPool2d(ties: .all))
    let train: DataConfiguration.IDXPaths = .init(
      images: "/etc/nets/data/train-images-idx3-ubyte.gz", labels: "/data/train-labels-idx1-ubyte.gz")
    let test: DataConfiguration.IDXPaths = .init(
      images: "/etc/nets/data/t10k-images-idx3-ubyte.gz", labels: "/etc/nets/../t10k-labels-idx1-ubyte.gz")
    #expect(run.data.source == .idx(train: train, test: test))
    #expect(run.data.scale == 1.0 / 255)
  }

  @Test("every default is the documented value")
  func everyDefaultIsTheDocumentedValue() throws {
    let written = try configuration(Self.documented)
    let run = try configuration(configurationText())
    #expect(run.name == "small")
    #expect(run.seed == 1)
    #expect(run.training == written.training)
    #expect(run.runtime == written.runtime)
    #expect(run.checkpoint == written.checkpoint)
    #expect(run.logging == written.logging)
    #expect(run.data == DataConfiguration(source: .embeddedDigits, scale: 1.0 / 255, mean: [0], std: [1]))
  }

  @Test("sources of data are read with their paths made absolute")
  func sources() throws {
    func source(_ data: String) throws -> DataConfiguration.Source {
      try configuration(configurationText(extra: "data: { \(data) }")).data.source
    }
    #expect(
      try source("format: 'cifar10', train: 'cifar', test: ['/a.bin', 'b.bin']")
        == .cifar(.cifar10, train: ["/etc/nets/cifar"], test: ["/a.bin", "/etc/nets/b.bin"]))
    #expect(try source("format: 'cifar100', train: 'c'") == .cifar(.cifar100, train: ["/etc/nets/c"], test: []))
    #expect(
      try source("format: 'npz', train: { file: 'a.npz' }, test: { file: 'a.npz', labels: 'fine' }")
        == .arrays(
          train: .init(file: "/etc/nets/a.npz", images: "x_train", labels: "y_train"),
          test: .init(file: "/etc/nets/a.npz", images: "x_test", labels: "fine")))
    #expect(
      try source("format: 'npz', train: { images: 'x.npy', labels: '/y.npy' }")
        == .arrays(train: .init(file: nil, images: "/etc/nets/x.npy", labels: "/y.npy"), test: nil))
    var folders = DataConfiguration.ImageFolders()
    (folders.train, folders.test) = ("/etc/nets/photos/train", "/val")
    #expect(try source("format: 'image_folder', train: 'photos/train', test: '/val'") == .imageFolder(folders))
    (folders.test, folders.validationSplit, folders.onError, folders.crop) = (nil, 0.1, .skip, .center)
    folders.resize = .init(shorterSide: 256)
    let all = "validation_split: 0.1, on_error: 'skip', resize: { shorter_side: 256 }, crop: 'center'"
    #expect(try source("format: 'image_folder', train: 'photos/train', \(all)") == .imageFolder(folders))
  }

  /// Data in every format.
  private static let formats: [String] = [
    "format: 'cifar10', train: 'cifar', test: ['a', 'b']", "format: 'cifar100', train: ['c']",
    "format: 'npz', train: { file: 'a.npz' }, test: { images: 'x.npy', labels: 'y.npy' }",
    "format: 'image_folder', train: 'a', validation_split: 0.25, on_error: 'skip', resize: { shorter_side: 9 }, crop: 'center'",
    "format: 'image_folder', train: 'a', test: 'b'", "scale: 'auto', mean: 'auto'", "std: 'auto', mean: [0.5]",
  ].map { configurationText(extra: "data: { \($0) }") }

  @Test(
    "a written configuration reads back the same",
    arguments: [configurationText(), documented, unusual, ResidualTests.text] + formats + PresetTests.texts)
  func whatIsWrittenReadsBackTheSame(text: String) throws {
    let first = try configuration(text)
    let second = try configuration(first.jsonText)
    #expect(first == second)
    #expect(first.jsonText == second.jsonText)
    #expect(try configuration(first.jsonValue.compactText) == first)
  }

  @Test("the written keys come in the documented order")
  func theWrittenKeysComeInTheDocumentedOrder() throws {
    let text = try configuration(Self.documented).jsonText
    let order: [String] = [
      "name", "seed", "model", "input", "layers", "data", "format", "train", "images", "test", "scale", "mean", "std",
      "training", "epochs", "batch_size", "shuffle", "optimizer", "lr", "momentum", "nesterov", "weight_decay",
      "lr_schedule", "runtime", "workers", "shard_size", "placement", "policy", "nodes", "use_smt", "memory",
      "dataset", "huge_pages", "checkpoint", "every_epochs", "every_steps", "every_seconds", "keep_last", "keep_best",
      "logging", "every_steps",
    ]
    var rest: Substring = text[...]
    for key in order {
      let found: Range<Substring.Index>? = rest.firstRange(of: "\"\(key)\":")
      #expect(found != nil, "\(key) is missing or out of order")
      rest = found.map { rest[$0.upperBound...] } ?? rest
    }
  }

  @Test("means and deviations are broadcast to channels")
  func meansAndDeviationsAreBroadcastToChannels() throws {
    let run = try configuration(
      configurationText(input: "[2, 2, 3]", extra: "data: { mean: [0.5], std: [1, 2, 3] }"))
    #expect(run.data.mean == [0.5, 0.5, 0.5])
    #expect(run.data.std == [1, 2, 3])
  }

  @Test("flags override the environment, and the environment the file")
  func flagsWinOverEnvironmentAndEnvironmentOverTheFile() throws {
    let text = configurationText(extra: "training: { epochs: 2, batch_size: 3, optimizer: { lr: 0.5 } }")
    let environment = ConfigurationOverride.fromEnvironment([
      "LOCKSTEP_TRAINING__BATCH_SIZE": "4", "LOCKSTEP_TRAINING__OPTIMIZER__LR": "0.25", "LOCKSTEP_KERNELS": "avx2",
      "LOCKSTEP_MODEL__LAYERS__1__UNITS": "7", "PATH": "/bin",
    ])
    #expect(environment.count == 3)
    let run = try configuration(text, environment + [.set("training.optimizer.lr", "1e-1")])
    #expect(run.training.epochs == 2)
    #expect(run.training.batchSize == 4)
    #expect(run.training.optimizer.learningRate == 0.1)
    #expect(run.model.layers[1].kind == .dense(units: 7))
  }

  @Test("an unknown variable is an error that names it")
  func anUnknownVariableIsAnErrorThatNamesIt() {
    let error = configurationError(
      configurationText(), ConfigurationOverride.fromEnvironment(["LOCKSTEP_TRAINING__BATCHSIZE": "4"]))
    #expect(error.subject == "training.batchsize")
    #expect(error.description.contains("LOCKSTEP_TRAINING__BATCHSIZE"))
    #expect(error.description.contains("nearest known key is batch_size"))
  }

  @Test("both ways of writing an index reach array elements")
  func overridesReachArrayElementsBothWays() throws {
    let run = try configuration(
      configurationText(), [.set("model.layers[1].units", "5"), .set("model.layers.1.name", "head")])
    #expect(run.model.layers[1].name == "head" && run.model.layers[1].kind == .dense(units: 5))
  }

  @Test("override text is JSON, else a string")
  func overrideTextIsJSONElseAString() throws {
    let run = try configuration(
      configurationText(extra: "data: { format: 'idx', train: { images: 'a', labels: 'b' } }"),
      [.set("name", "night run"), .set("data", "{ format: 'synthetic' }"), .set("runtime.placement.cpus", "0-1")])
    #expect(run.name == "night run")
    #expect(run.data.source == .synthetic(examples: 4096, testExamples: 1024, classes: 10))
    #expect(run.runtime.policy == .cpus("0-1"))
  }

  @Test("null unsets a key")
  func nullTakesAKeyBack() throws {
    let run = try configuration(
      configurationText(extra: "runtime: { placement: { policy: 'scatter' } }"),
      [.set("runtime.placement.policy", "null"), .set("runtime.placement.cpus", "3")])
    #expect(run.runtime.policy == .cpus("3"))
  }

  @Test(
    "a wrong override is named",
    arguments: [
      ("model.layers[3].units", "1", "model.layers[3]", "allowed: 0 to 2"),
      ("name.first", "1", "name", "an object"),
      ("training..epochs", "1", "--set training..epochs=1", "training..epochs"),
      ("training.epochs", "0", "training.epochs", "in --set training.epochs=0"),
      ("training", "{ epochs: 0 }", "training.epochs", "in --set training={ epochs: 0 }"),
    ])
  func aWrongOverrideIsNamed(path: String, value: String, subject: String, words: String) {
    let error = configurationError(configurationText(extra: "name: 'x'"), [.set(path, value)])
    #expect(error.subject == subject)
    #expect(error.description.contains(words), "\(error)")
  }
}

import ConfigurationKeys
import Diagnostics
import Storage

extension ConfigurationTable {
  static let data = sources + imageFolder + synthetic + pixels

  private static let sources: [KeyField<DataConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "format", .choice(["digits", "idx", "cifar10", "cifar100", "npz", "image_folder", "synthetic"]),
        default: .string("digits"),
        effect: .files,
        "digits: 1437 and 360 images of 8×8 that are part of the program; idx: MNIST's file format, plain or gzip; "
          + "cifar10, cifar100: their binary files; npz: NumPy arrays; "
          + "image_folder: PNG and JPEG files, a folder a class; synthetic: generated, and learnable."),
      get: { .string($0.source.formatName) }, set: { $0.source = .empty($1) }),
    .section(
      ConfigurationKey("train", .section(files.map(\.key)), effect: .files, "The training set.").with("format", "idx"),
      \.trainPaths, files, empty: .init(images: "", labels: "")),
    .section(
      ConfigurationKey("test", .section(files.map(\.key)), otherwise: "no test set", effect: .files, "The test set.")
        .with("format", "idx"), \.testPaths, files, empty: .init(images: "", labels: "")),
    KeyField(
      ConfigurationKey(
        "train", cifarFiles, effect: .files, "The training set: binary files, or the folder that has them all."
      )
      .with("format", "cifar10", "cifar100"),
      get: { .paths($0.cifarTrain) }, set: { $0.cifarTrain = $1.paths }),
    KeyField(
      ConfigurationKey("test", cifarFiles, otherwise: "no test set", effect: .files, "The test set, likewise.")
        .with("format", "cifar10", "cifar100"),
      get: { $0.cifarTest.isEmpty ? nil : .paths($0.cifarTest) }, set: { $0.cifarTest = $1.paths }),
    .section(
      ConfigurationKey("train", .section(arrays("train").map(\.key)), effect: .files, "The training set.")
        .with("format", "npz"), \.trainArrays, arrays("train"), empty: .init(file: nil, images: "", labels: "")),
    .section(
      ConfigurationKey(
        "test", .section(arrays("test").map(\.key)), otherwise: "no test set", effect: .files, "The test set."
      )
      .with("format", "npz"), \.testArrays, arrays("test"), empty: .init(file: nil, images: "", labels: "")),
  ]

  private static let synthetic: [KeyField<DataConfiguration>] = [
    KeyField(
      ConfigurationKey("examples", .integer(1...(1 << 26)), default: .integer(4096), "Images of the training set.")
        .with("format", "synthetic"), \.synthetic.examples),
    KeyField(
      ConfigurationKey(
        "test_examples", .integer(0...(1 << 26)), default: .integer(1024), "Images of the test set; 0: no test set."
      )
      .with("format", "synthetic"), \.synthetic.testExamples),
    KeyField(
      ConfigurationKey("classes", .integer(1...65536), default: .integer(10), "Classes; the images take them in turn.")
        .with("format", "synthetic"), \.synthetic.classes),
  ]

  private static let pixels: [KeyField<DataConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "cache", .choice(of: DataConfiguration.Cache.self), default: .string("auto"), effect: .speed,
        "Where `train` keeps images: in memory, or mapped from a file (the data's own where it has the pixels as they are "
          + "needed, else one beside the run's folder, which the next run finds again), or (auto) mapped only if they take "
          + "more than half of the available memory."
      )
      .with("format", "idx", "cifar10", "cifar100", "npz", "image_folder"), \.cache),
    measurable(
      ConfigurationKey(
        "scale", .number(.notZero.or("\"auto\"")), default: .number(1.0 / 255),
        "A pixel, a byte, becomes `(pixel · scale − mean) / std`; `auto` makes the largest 1."),
      \.measured.scale, get: { .number($0.scale) }, set: { $0.scale = $1.floatingPoint ?? $0.scale },
      placeholder: .number(1.0 / 255)),
    measurable(
      ConfigurationKey(
        "mean", .array(of: .number(.any), perChannel), default: .array([.number(0)]),
        "One for all channels, or one per channel; `auto` is measured on the training set."),
      \.measured.mean, get: { .array($0.mean.map { .number($0) }) }, set: { $0.mean = $1.numbers },
      placeholder: .array([.number(0)])),
    measurable(
      ConfigurationKey(
        "std", .array(of: .number(.positive), perChannel), default: .array([.number(1)]),
        "One for all channels, or one per channel; `auto` is measured on the training set."),
      \.measured.std, get: { .array($0.std.map { .number($0) }) }, set: { $0.std = $1.numbers },
      placeholder: .array([.number(1)])),
    .section(
      "augment", \.augment, augment,
      check: { node, augment in
        guard augment.crop != nil, augment.resizedCrop != nil else { return }
        node.mistakes.add(
          UserError(
            .badConfiguration, node.keyPath("random_resized_crop"),
            "found with random_crop; allowed: one of the two", hint: "null unsets a key"))
      },
      "How training images are changed, anew in every epoch: a pure function of seed, epoch and example."),
  ]

  /// A key that also takes "auto", which `flag` stands for; its value is then `placeholder` until it is measured.
  private static func measurable(
    _ key: ConfigurationKey, _ flag: WritableKeyPath<DataConfiguration, Bool> & Sendable,
    get: @escaping @Sendable (DataConfiguration) -> JSONValue,
    set: @escaping @Sendable (inout DataConfiguration, JSONValue) -> Void, placeholder: JSONValue
  ) -> KeyField<DataConfiguration> {
    KeyField(
      key.or("auto"),
      read: { node, data in
        data[keyPath: flag] = node[key.name] == .string("auto")
        if let value = data[keyPath: flag] ? placeholder : node.value(of: key) { set(&data, value) }
      }, write: { $0[keyPath: flag] ? .string("auto") : get($0) })
  }

  private static let files: [KeyField<DataConfiguration.IDXPaths>] = [
    KeyField(ConfigurationKey("images", .text(path), effect: .files, "The images' file."), \.images),
    KeyField(ConfigurationKey("labels", .text(path), effect: .files, "The labels' file."), \.labels),
  ]

  private static let cifarFiles = KeyKind.either(
    [.text(path), .array(of: .text(path), ArrayRule(1...1000, areDistinct: true, "an array of paths"))],
    allowed: "a path, or an array of them, absolute or relative to the configuration file")

  /// - Parameter split: the end of the arrays' names where none are given.
  private static func arrays(_ split: String) -> [KeyField<DataConfiguration.ArrayPlaces>] {
    [
      KeyField(
        ConfigurationKey(
          "file", .text(path), otherwise: "`images` and `labels` are paths of `.npy` files", effect: .files,
          "The archive, a `.npz` file."),
        get: { $0.file.map { .string($0) } }, set: { if case .string(let file) = $1 { $0.file = file } }),
      KeyField(
        ConfigurationKey(
          "images", .text(path), otherwise: "`x_\(split)`, with `file`", effect: .files,
          "The images' name in the archive, or path: u8 or f32, [n, h, w] or [n, h, w, c]."),
        \.images),
      KeyField(
        ConfigurationKey(
          "labels", .text(path), otherwise: "`y_\(split)`, with `file`", effect: .files,
          "The labels' name in the archive, or path: integers from 0 on, [n] or [n, 1]."),
        \.labels),
    ]
  }

  static let path = TextRule(
    "a file's path, absolute or relative to the configuration file", pattern: "^[^\\u0000]+$"
  ) {
    !$0.isEmpty && !$0.utf8.contains(0)
  }

  private static let perChannel = ArrayRule(1...65536, "an array of 1 number, or of one per channel, or \"auto\"")
}

/// A source as the keys see it; each property is read and set only if the source has it.
extension DataConfiguration {
  fileprivate var trainPaths: IDXPaths? {
    get { if case .idx(let train, _) = source { train } else { nil } }
    set { if case .idx(_, let test) = source, let newValue { source = .idx(train: newValue, test: test) } }
  }

  fileprivate var testPaths: IDXPaths? {
    get { if case .idx(_, let test) = source { test } else { nil } }
    set { if case .idx(let train, _) = source { source = .idx(train: train, test: newValue) } }
  }

  fileprivate var cifarTrain: [String] {
    get { if case .cifar(_, let train, _) = source { train } else { [] } }
    set { if case .cifar(let version, _, let test) = source { source = .cifar(version, train: newValue, test: test) } }
  }

  fileprivate var cifarTest: [String] {
    get { if case .cifar(_, _, let test) = source { test } else { [] } }
    set {
      if case .cifar(let version, let train, _) = source { source = .cifar(version, train: train, test: newValue) }
    }
  }

  fileprivate var trainArrays: ArrayPlaces? {
    get { if case .arrays(let train, _) = source { train } else { nil } }
    set { if case .arrays(_, let test) = source, let newValue { source = .arrays(train: newValue, test: test) } }
  }

  fileprivate var testArrays: ArrayPlaces? {
    get { if case .arrays(_, let test) = source { test } else { nil } }
    set { if case .arrays(let train, _) = source { source = .arrays(train: train, test: newValue) } }
  }

  fileprivate struct Synthetic: Sendable {
    var examples = 0
    var testExamples = 0
    var classes = 0
  }

  fileprivate var synthetic: Synthetic {
    get {
      guard case .synthetic(let examples, let testExamples, let classes) = source else { return Synthetic() }
      return Synthetic(examples: examples, testExamples: testExamples, classes: classes)
    }
    set {
      source = .synthetic(examples: newValue.examples, testExamples: newValue.testExamples, classes: newValue.classes)
    }
  }
}

extension DataConfiguration.Source {
  /// The source of a format, before its other keys are read.
  fileprivate static func empty(_ format: JSONValue) -> DataConfiguration.Source {
    switch format {
    case .string("idx"): .idx(train: .init(images: "", labels: ""), test: nil)
    case .string("cifar10"): .cifar(.cifar10, train: [], test: [])
    case .string("cifar100"): .cifar(.cifar100, train: [], test: [])
    case .string("npz"): .arrays(train: .init(file: nil, images: "", labels: ""), test: nil)
    case .string("image_folder"): .imageFolder(.init())
    case .string("synthetic"): .synthetic(examples: 0, testExamples: 0, classes: 0)
    default: .embeddedDigits
    }
  }

  /// The value of `data.format`.
  package var formatName: String {
    switch self {
    case .embeddedDigits: "digits"
    case .idx: "idx"
    case .cifar(let version, _, _): version.rawValue
    case .arrays: "npz"
    case .imageFolder: "image_folder"
    case .synthetic: "synthetic"
    }
  }
}

extension JSONValue {
  /// One path as itself, more as an array.
  fileprivate static func paths(_ paths: [String]) -> JSONValue {
    paths.count == 1 ? .string(paths[0]) : .array(paths.map { .string($0) })
  }

  fileprivate var numbers: [Double] {
    if case .array(let elements) = self { elements.compactMap(\.floatingPoint) } else { [] }
  }

  fileprivate var paths: [String] {
    switch self {
    case .string(let path): [path]
    case .array(let elements): elements.flatMap(\.paths)
    default: []
    }
  }
}

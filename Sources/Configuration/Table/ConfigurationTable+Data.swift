import ConfigurationKeys
import Storage

extension ConfigurationTable {
  static let data: [KeyField<DataConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "format", .choice(["digits", "idx", "synthetic"]), default: .string("digits"), effect: .files,
        "digits: 1437 and 360 images of 8×8 that are part of the program; idx: MNIST's file format, plain or gzip; "
          + "synthetic: generated, and learnable."),
      get: { .string($0.source.formatName) }, set: { $0.source = .empty($1) }),
    .section(
      ConfigurationKey("train", .section(files.map(\.key)), effect: .files, "The training set.").with("format", "idx"),
      \.trainPaths, files, empty: .init(images: "", labels: "")),
    .section(
      ConfigurationKey("test", .section(files.map(\.key)), otherwise: "no test set", effect: .files, "The test set.")
        .with("format", "idx"), \.testPaths, files, empty: .init(images: "", labels: "")),
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
    KeyField(
      ConfigurationKey(
        "scale", .number(.notZero), default: .number(1.0 / 255),
        "A pixel, a byte, becomes `(pixel · scale − mean) / std`."), \.scale),
    KeyField(
      ConfigurationKey(
        "mean", .array(of: .number(.any), perChannel), default: .array([.number(0)]),
        "One for all channels, or one per channel."), \.mean),
    KeyField(
      ConfigurationKey(
        "std", .array(of: .number(.positive), perChannel), default: .array([.number(1)]),
        "One for all channels, or one per channel."), \.std),
  ]

  private static let files: [KeyField<DataConfiguration.IDXPaths>] = [
    KeyField(ConfigurationKey("images", .text(path), effect: .files, "The images' file."), \.images),
    KeyField(ConfigurationKey("labels", .text(path), effect: .files, "The labels' file."), \.labels),
  ]

  private static let path = TextRule("a file's path, absolute or relative to the configuration file") {
    !$0.isEmpty && !$0.utf8.contains(0)
  }

  private static let perChannel = ArrayRule(1...65536, "an array of 1 number, or of one per channel")
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
    case .string("synthetic"): .synthetic(examples: 0, testExamples: 0, classes: 0)
    default: .embeddedDigits
    }
  }

  /// The value of `data.format`.
  package var formatName: String {
    switch self {
    case .embeddedDigits: "digits"
    case .idx: "idx"
    case .synthetic: "synthetic"
    }
  }
}

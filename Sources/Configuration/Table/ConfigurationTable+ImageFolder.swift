import ConfigurationKeys
import Storage

extension ConfigurationTable {
  /// The keys of `data` with format "image_folder".
  static let imageFolder: [KeyField<DataConfiguration>] = [
    KeyField(
      folderKey(
        "train", .text(path), effect: .files, "The folder of the training set: in it, a folder for each class."),
      \.folders.train),
    KeyField(
      ConfigurationKey(
        "test", .text(path), otherwise: "no test set, unless `validation_split`", effect: .files,
        "The folder of the test set, with folders of the same names."
      )
      .with("format", "image_folder"),
      get: { $0.folders.test.map { .string($0) } },
      set: { if case .string(let path) = $1 { $0.folders.test = path } }),
    KeyField(
      folderKey(
        "validation_split", .number(.within(0...0.9)), default: .number(0),
        "The share of each class's images that are the test set, instead of `test`; the same for every `seed`."),
      \.folders.validationSplit),
    KeyField(
      folderKey(
        "on_error", .choice(of: DataConfiguration.ImageFolders.DamagedFiles.self), default: .string("fail"),
        effect: .files, "What damaged files do: end the command, or be left out; both list all of them."),
      \.folders.onError),
    .section(
      ConfigurationKey(
        "resize", .section(resize.map(\.key)), otherwise: "images stay as they are",
        "How images are resized, with antialiasing."
      )
      .with("format", "image_folder"), \.folders.resize, resize, empty: .init(shorterSide: 1)),
    KeyField(
      ConfigurationKey(
        "crop", .choice(of: DataConfiguration.ImageFolders.Crop.self),
        otherwise: "images must have the size of `model.input`",
        "`center` takes the middle of images that are larger than `model.input`."
      )
      .with("format", "image_folder"),
      get: { $0.folders.crop.map { .string($0.rawValue) } },
      set: { if case .string(let word) = $1 { $0.folders.crop = .init(rawValue: word) } }),
    KeyField(
      folderKey(
        "reader_threads",
        .either([.choice(["auto"]), .integer(1...1024)], allowed: "\"auto\" or an integer from 1 to 1024"),
        default: .string("auto"), effect: .speed,
        "Threads that read and decode files before training starts; auto: one per processor. More help where files come "
          + "over a network."),
      get: { $0.folders.readerThreads.map { .integer($0) } ?? .string("auto") },
      set: { $0.folders.readerThreads = $1.exactInteger }),
  ]

  private static let resize: [KeyField<DataConfiguration.ImageFolders.Resize>] = [
    KeyField(
      ConfigurationKey(
        "shorter_side", .integer(1...8192), "Pixels; the longer side keeps the proportion, rounded down."),
      \.shorterSide)
  ]

  private static func folderKey(
    _ name: String, _ kind: KeyKind, default value: JSONValue? = nil, effect: ConfigurationKey.Effect = .result,
    _ documentation: String
  ) -> ConfigurationKey {
    ConfigurationKey(name, kind, default: value, effect: effect, documentation).with("format", "image_folder")
  }
}

extension DataConfiguration {
  /// Read and set only if the source has them.
  fileprivate var folders: ImageFolders {
    get { if case .imageFolder(let folders) = source { folders } else { ImageFolders() } }
    set { source = .imageFolder(newValue) }
  }
}

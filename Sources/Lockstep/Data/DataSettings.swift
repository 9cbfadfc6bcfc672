internal import Storage

/// The configuration's section `data`: where examples come from, and how pixels become floats.
///
/// Pixel values become (pixel · scale − mean) / std. Relative paths are relative to the process's working folder.
public struct DataSettings: Sendable, Hashable {
  /// What the pixels, bytes or floats, are multiplied by.
  public var scale = PixelScale.factor(1.0 / 255)
  /// What is taken off the scaled pixels: one value, or one per channel.
  public var mean: ChannelValues = [0]
  /// What they are then divided by: one value, or one per channel.
  public var std: ChannelValues = [1]
  /// How training images are changed.
  public var augment = Augmentation()

  let source: JSONValue
  /// Examples in memory; `nil` where the source says where they are.
  let memory: MemoryExamples?

  private init(_ format: String, memory: MemoryExamples? = nil, _ members: [(String, (any ConfigurationValue)?)] = []) {
    source = .section([("format", format)] + members)
    self.memory = memory
  }

  /// 1437 training and 360 test images of handwritten digits, 8×8×1, ten classes, which are part of the library.
  ///
  /// Source: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
  public static let digits = DataSettings("digits")

  /// Examples in memory.
  /// - Parameters:
  ///   - train: the training set.
  ///   - test: the test set; `nil` for none.
  public static func memory(train: LabeledImages, test: LabeledImages? = nil) -> DataSettings {
    // A run compares data by content: in its configuration they are arrays in files, whose names only say what they are.
    let place = JSONValue.section([("images", "memory"), ("labels", "memory")])
    return DataSettings(
      "npz", memory: MemoryExamples(train: train, test: test), [("train", place), ("test", test.map { _ in place })])
  }

  /// A folder of PNG and JPEG files with a folder for each class; class numbers follow the names in byte order.
  /// - Parameters:
  ///   - train: the folder of the training set.
  ///   - test: that of the test set, with folders of the same names; `nil` for none.
  ///   - validationSplit: the share of each class's images that are the test set, instead of `test`; 0 to 0.9.
  ///   - skipsDamaged: whether files that cannot be decoded are left out; else they are an error.
  ///   - shorterSide: pixels to which images are resized, with antialiasing; `nil` for as they are.
  ///   - centerCrop: whether the middle is taken of images that are larger than the model's input.
  ///   - readerThreads: threads that read and decode files; `nil` for one per processor. Changes no bit.
  public static func imageFolder(
    train: String, test: String? = nil, validationSplit: Double = 0, skipsDamaged: Bool = false,
    shorterSide: Int? = nil, centerCrop: Bool = false, readerThreads: Int? = nil
  ) -> DataSettings {
    DataSettings(
      "image_folder",
      [
        ("train", train), ("test", test), ("validation_split", validationSplit),
        ("on_error", skipsDamaged ? "skip" : "fail"),
        ("resize", shorterSide.map { .section([("shorter_side", $0)]) } as JSONValue?),
        ("crop", centerCrop ? "center" : nil), ("reader_threads", readerThreads),
      ])
  }

  /// NumPy arrays.
  /// - Parameters:
  ///   - train: the training set.
  ///   - test: the test set; `nil` for none.
  public static func npz(train: ArrayFiles, test: ArrayFiles? = nil) -> DataSettings {
    DataSettings("npz", [("train", train), ("test", test)])
  }

  /// Files in the format of MNIST, plain or gzip.
  /// - Parameters:
  ///   - train: the training set.
  ///   - test: the test set; `nil` for none.
  public static func idx(train: IDXFiles, test: IDXFiles? = nil) -> DataSettings {
    DataSettings("idx", [("train", train), ("test", test)])
  }

  /// The binary files of CIFAR-10, or the folder that has them all.
  public static func cifar10(train: [String], test: [String] = []) -> DataSettings {
    DataSettings("cifar10", [("train", train), ("test", test.isEmpty ? nil : test)])
  }

  /// The binary files of CIFAR-100, or the folder that has them all; the classes are the hundred fine ones.
  public static func cifar100(train: [String], test: [String] = []) -> DataSettings {
    DataSettings("cifar100", [("train", train), ("test", test.isEmpty ? nil : test)])
  }

  /// Generated images of the model's size that can be learned; they follow from the seed, and take the classes in turn.
  public static func synthetic(examples: Int = 4096, testExamples: Int = 1024, classes: Int = 10) -> DataSettings {
    DataSettings("synthetic", [("examples", examples), ("test_examples", testExamples), ("classes", classes)])
  }
}

extension DataSettings: ConfigurationValue {
  var json: JSONValue {
    guard case .object(let members) = source else { return source }
    let pixels = JSONValue.section([("scale", scale), ("mean", mean), ("std", std), ("augment", augment)])
    guard case .object(let more) = pixels else { return source }
    return .object(members + more)
  }
}

import Configuration

/// Which of some arrays are images and labels, and of which set, by what people call them: `x_train` and `y_train`,
/// `train_images` and `train_labels`, `images` and `labels`.
struct ArrayPairs {
  private typealias Pair = (images: String, labels: String)
  private let train: Pair
  private let test: Pair?

  private enum Part: Hashable {
    case training, validation, test, whole
  }

  private static let imageWords: Set<String> = ["x", "images", "image", "imgs", "data"]
  private static let labelWords: Set<String> = ["y", "labels", "label", "targets", "target"]
  private static let partWords: [String: Part] = [
    "train": .training, "training": .training, "val": .validation, "valid": .validation, "validation": .validation,
    "test": .test, "testing": .test,
  ]

  /// - Returns: `nil` if no training set is among them.
  init?(_ names: [String]) {
    var (images, labels): ([Part: String], [Part: String]) = ([:], [:])
    for name in names {
      var (isImages, isLabels, part) = (false, false, Part.whole)
      for word in name.lowercased().split(separator: "_").map(String.init) {
        if Self.imageWords.contains(word) {
          isImages = true
        } else if Self.labelWords.contains(word) {
          isLabels = true
        } else {
          part = Self.partWords[word] ?? part
        }
      }
      if isImages != isLabels {
        if isImages { images[part] = name } else { labels[part] = name }
      }
    }
    func pair(_ parts: Part...) -> Pair? {
      for part in parts {
        if let images = images[part], let labels = labels[part] { return (images, labels) }
      }
      return nil
    }
    guard let train = pair(.training, .whole) else { return nil }
    self.train = train
    test = pair(.validation, .test)
  }

  /// - Parameter place: what a name stands for.
  func source(file: String?, place: (String) -> String) -> DataConfiguration.Source {
    func places(_ pair: Pair) -> DataConfiguration.ArrayPlaces {
      .init(file: file, images: place(pair.images), labels: place(pair.labels))
    }
    return .arrays(train: places(train), test: test.map(places))
  }
}

import Configuration
import Datasets
import Diagnostics
import Storage

extension RunConfiguration {
  /// The training and test sets that the configuration names; the test set is `nil` where it names none.
  ///
  /// - Throws: `UserError`: `.inputMissing` and `.badData` about a file, `.systemRefused` if there is not enough memory.
  package func loadData() throws(UserError) -> (training: ImageDataset, test: ImageDataset?) {
    (try loadTrainingData(), try loadTestData())
  }

  /// The training set alone.
  package func loadTrainingData() throws(UserError) -> ImageDataset {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().train
    case .idx(let train, _): try idx(train, key: "data.train")
    case .synthetic(let examples, _, let classes): try synthetic(examples, classes: classes, split: .train)
    }
  }

  /// The test set alone, `nil` where the configuration names none.
  package func loadTestData() throws(UserError) -> ImageDataset? {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().test
    case .idx(_, let test):
      try test.map { (paths) throws(UserError) in try idx(paths, key: "data.test") }
    case .synthetic(_, let examples, let classes):
      examples == 0 ? nil : try synthetic(examples, classes: classes, split: .test)
    }
  }

  /// - Throws: about a missing file by its key; for MNIST's own names it says where they come from.
  private func idx(_ paths: DataConfiguration.IDXPaths, key: String) throws(UserError) -> ImageDataset {
    do throws(UserError) {
      return try ImageDataset.idx(images: paths.images, labels: paths.labels)
    } catch {
      guard error.category == .inputMissing else { throw error }
      let file = error.subject
      throw UserError(
        .inputMissing, "\(key).\(file == paths.images ? "images" : "labels")", "\(file) \(error.message)",
        hint: MNISTFiles.hint(missing: file) ?? error.hint)
    }
  }

  private func synthetic(_ examples: Int, classes: Int, split: ImageDataset.Split) throws(UserError) -> ImageDataset {
    try ImageDataset.synthetic(
      examples: examples, height: model.input.height, width: model.input.width, channels: model.input.channels,
      classes: classes, seed: seed, split: split)
  }
}

/// The files of the MNIST database, as its authors name them.
private enum MNISTFiles {
  static let names: [String] = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  /// Where the file comes from; `nil` if it has none of these names, with or without `.gz`.
  static func hint(missing path: String) -> String? {
    let name = PathText.names(in: path).last ?? ""
    let ending = name.hasSuffix(".gz") ? ".gz" : ""
    guard names.contains(String(name.dropLast(ending.count))) else { return nil }
    let files = names.dropLast().map { $0 + ending }.joined(separator: ", ")
    return "Lockstep downloads nothing; MNIST is \(files) and \(names[3])\(ending), published by Y. LeCun, C. Cortes "
      + "and C. Burges at http://yann.lecun.com/exdb/mnist and mirrored widely: put the four files into "
      + PathText.folder(of: path)
  }
}

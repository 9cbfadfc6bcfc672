import Datasets
import Diagnostics

extension RunConfiguration {
  /// The training and test sets that the configuration names; the test set is `nil` where it names none.
  ///
  /// - Throws: `UserError`: `.inputMissing` and `.badData` about a file, `.systemRefused` where memory does not suffice.
  package func loadData() throws(UserError) -> (training: ImageDataset, test: ImageDataset?) {
    (try loadTrainingData(), try loadTestData())
  }

  /// The training set alone.
  package func loadTrainingData() throws(UserError) -> ImageDataset {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().train
    case .idx(let train, _): try ImageDataset.idx(images: train.images, labels: train.labels)
    case .synthetic(let examples, _, let classes): try synthetic(examples, classes: classes, split: .train)
    }
  }

  /// The test set alone, `nil` where the configuration names none.
  package func loadTestData() throws(UserError) -> ImageDataset? {
    switch data.source {
    case .embeddedDigits: try ImageDataset.embeddedDigits().test
    case .idx(_, let test):
      try test.map { (paths) throws(UserError) in
        try ImageDataset.idx(images: paths.images, labels: paths.labels)
      }
    case .synthetic(_, let examples, let classes):
      examples == 0 ? nil : try synthetic(examples, classes: classes, split: .test)
    }
  }

  private func synthetic(_ examples: Int, classes: Int, split: ImageDataset.Split) throws(UserError) -> ImageDataset {
    try ImageDataset.synthetic(
      examples: examples, height: model.input.height, width: model.input.width, channels: model.input.channels,
      classes: classes, seed: seed, split: split)
  }
}

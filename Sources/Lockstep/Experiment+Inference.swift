internal import Configuration
internal import Datasets
internal import Diagnostics
internal import Machine
internal import Training

extension Experiment {
  /// Loss and accuracy of weights on a data set.
  ///
  /// Norms are computed in the layers before them where that is exact enough, as the command line does.
  /// - Parameters:
  ///   - weights: those of the net.
  ///   - examples: the data set; `nil` for the experiment's test set.
  /// - Throws: ``LockstepError``: `.badConfiguration` without any data set, `.badData` for weights or images that do not
  ///   fit the net, `.diverged` if the loss is not finite.
  public func evaluate(
    _ weights: Weights, on examples: LabeledImages? = nil
  ) async throws(LockstepError) -> Evaluation {
    try await onOwnThread {
      let dataset =
        if let examples { try examples.dataset() } else if memory != nil { try memory?.test?.dataset() } else {
          try run.loadTestData(classNames: weights.classNames)
        }
      guard let dataset else {
        throw UserError(.badConfiguration, "data.test", "is missing; evaluating needs a test set")
      }
      let summary = try predictor(weights).evaluate(dataset, source: examples == nil ? "data.test" : "images")
      guard let report = summary.report else { preconditionFailure("An evaluation counts its classes.") }
      return Evaluation(summary, report, classNames: weights.classNames ?? dataset.classNames)
    }
  }

  /// Class and probabilities of images in memory, in their order.
  ///
  /// - Throws: ``LockstepError``: `.badData` for weights or images that do not fit the net, `.diverged` if a probability
  ///   is not finite.
  public func predict(_ images: Images, weights: Weights) async throws(LockstepError) -> [Prediction] {
    try await onOwnThread { try predictions(try images.unlabeled(), weights) }
  }

  /// The same of PNG and JPEG files and of folders of them, or of one IDX, `.npy` or `.npz` file, in their order.
  ///
  /// Images are resized and cropped as those of the experiment's image folder, if it has one.
  /// - Throws: ``LockstepError``: `.inputMissing` and `.badData` about a file, else as above.
  public func predict(files: [String], weights: Weights) async throws(LockstepError) -> [Prediction] {
    try await onOwnThread {
      try predictions(try ImageDataset.images(at: files, fit: run.imageFit, damaged: .fail), weights)
    }
  }

  private func predictions(_ images: ImageDataset, _ weights: Weights) throws -> [Prediction] {
    let names = weights.classNames ?? classNames
    var predictions: [Prediction] = []
    try predictor(weights).predict(images) { index, probabilities in
      let best = probabilities.indices.reduce(0) { probabilities[$1] > probabilities[$0] ? $1 : $0 }
      predictions.append(
        Prediction(
          file: images.files.isEmpty ? nil : images.files[index], classIndex: best,
          className: names.flatMap { best < $0.count ? $0[best] : nil }, probabilities: Array(probabilities)))
    }
    return predictions
  }

  private func predictor(_ weights: Weights) throws -> Predictor {
    try Predictor(
      configuration: try run(measuredOn: nil), topology: try Topology.read(), kernels: try table(),
      weights: try checked(weights))
  }
}

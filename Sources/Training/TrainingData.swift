import Datasets
import Diagnostics
import Network

/// The data sets of a run, as its workers read them.
struct TrainingData: Sendable {
  let training: PlacedDataset
  let test: PlacedDataset?

  /// - Throws: as `PlacedDataset`.
  init(training: ImageDataset, test: ImageDataset?, _ plan: RunPlan) throws(UserError) {
    self.training = try PlacedDataset(training, plan)
    if let test { self.test = try PlacedDataset(test, plan) } else { self.test = nil }
  }

  /// The training set, then the test set.
  var sets: [PlacedDataset] { [training] + (test.map { [$0] } ?? []) }
}

extension ImageDataset {
  /// What is worth saying of where its pixels are, and of who decoded them.
  var note: String? {
    let readers = readerThreads.map { "decoded by \($0) \($0 == 1 ? "thread" : "threads")" }
    guard let mapped else { return readers.map { "\(count) images, \($0)" } }
    let kind = mapped.origin == .data ? "images" : files.isEmpty ? "converted images" : "decoded images"
    return "\(kind) are mapped from \(mapped.file), \(pixels.count >> 20) MiB"
      + (mapped.isFound ? ", which an earlier run left" : readers.map { ", \($0)" } ?? "")
  }
}

/// Refuses a data set whose images or labels the network cannot take.
package func checkDataset(_ dataset: ImageDataset, _ key: String, _ network: NetworkPlan) throws {
  let shape = ImageShape(height: dataset.height, width: dataset.width, channels: dataset.channels)
  guard shape == network.model.input else {
    throw UserError(
      .badData, key, "images are \(shape) (height×width×channels), but model.input is \(network.model.input)")
  }
  guard dataset.classCount <= network.classes else {
    throw UserError(
      .badData, key,
      "labels reach \(dataset.classCount - 1), but the network has \(network.classes) outputs (labels 0…\(network.classes - 1))",
      hint: "give the last dense layer at least \(dataset.classCount) units")
  }
}

import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Runs
import Storage
import Summation

/// The result of `evaluate`.
package struct EvaluationSummary: Sendable, Hashable {
  package var loss: Double
  package var accuracy: Double
  package var examples: Int
  /// What was predicted for which class.
  package var report: ClassificationReport?
  /// Norms of the network, and how many of them were computed in the layers before them.
  package var norms: FoldedNorms.Count
  /// What the classes are called.
  package var classNames: [String]?

  package init(
    loss: Double, accuracy: Double, examples: Int, report: ClassificationReport? = nil,
    norms: FoldedNorms.Count = FoldedNorms.Count(folded: 0, all: 0)
  ) {
    self.norms = norms
    self.loss = loss
    self.accuracy = accuracy
    self.examples = examples
    self.report = report
  }
}

/// The forward pass alone, over all workers.
package final class Predictor {
  private let model: InferenceModel
  private let topology: Topology
  private let kernels: KernelTable
  private let network: NetworkPlan
  /// Bytes that the probabilities of the examples evaluated at a time may take.
  private let probabilityBytes: Int

  /// - Parameters:
  ///   - source: what errors call the weights, such as their file.
  ///   - foldsNorms: whether norms are computed in the layers before them, where that is exact enough; see `FoldedNorms`.
  ///   - probabilityBytes: the most that the probabilities of the examples that `predict` evaluates at a time take, unless
  ///     one shard per worker takes more. Changes no bit.
  /// - Throws: `UserError` if the weights do not fit the network.
  package init(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, weights: [NamedTensor],
    source: String = "weights", foldsNorms: Bool = true, probabilityBytes: Int = 16 << 20
  ) throws {
    self.topology = topology
    self.kernels = kernels
    self.probabilityBytes = probabilityBytes
    network = try RunPlan(configuration, topology: topology, kernels: kernels, exampleCount: 1).network
    try network.parameters.requireMatch(weights.map { ($0.name, $0.shape) }, subject: source)
    model = try InferenceModel(configuration, weights: weights, foldsNorms: foldsNorms)
  }

  /// Norms of the network, and how many of them are computed in the layers before them.
  package var norms: FoldedNorms.Count { model.norms }
  /// Outputs of the network.
  package var classes: Int { network.classes }

  /// Refuses a data set whose images or labels the network cannot take; `source` is what errors call it.
  package func requireFits(_ dataset: ImageDataset, source: String) throws {
    try checkDataset(dataset, source, network)
  }

  /// Mean loss and accuracy over a data set, which errors call `source`.
  ///
  /// - Throws: `UserError(.badData)` for a data set without examples or of another shape; `.diverged` if the loss is not
  ///   finite, naming what is not.
  package func evaluate(_ dataset: ImageDataset, source: String = "data.test") throws -> EvaluationSummary {
    guard dataset.count > 0 else {
      throw UserError(.badData, source, "the data set has 0 examples; at least 1 is needed")
    }
    var report = ClassificationReport(classes: network.classes)
    var (losses, correct): ([Double], Int) = ([], 0)
    try inParts(dataset, source) { pass, examples, probabilities in
      let shared = pass.session.shared
      let shards = pass.plan.shards.shardCount(batchSize: examples.count)
      if let shard = (0..<shards).first(where: { !shared.losses[$0].isFinite }) {
        throw try pass.lost(pass.plan.shards.shardRange(shard: shard, in: examples))
      }
      // Parts are whole shards, so these are the shards of the whole set.
      losses += (0..<shards).map { shared.losses[$0] }
      correct += (0..<shards).reduce(0) { $0 + shared.correct[$1] }
      for index in examples {
        report.add(label: Int(dataset.labels[index]), probabilities: probabilities(index))
      }
    }
    let loss = ShardTree.sum(losses.count) { losses[$0] } / Double(dataset.count)
    guard loss.isFinite else { throw UserError(.diverged, source, "the sum of the losses is not finite") }
    return EvaluationSummary(
      loss: loss,
      accuracy: Double(correct) / Double(dataset.count), examples: dataset.count, report: report, norms: model.norms)
  }

  /// Calls `body` with each example's class probabilities, in order; the labels of `dataset` are ignored.
  ///
  /// Evaluates a fixed number of examples at a time, so that memory does not grow with their number.
  /// - Throws: `UserError(.badData)` for images of another shape; `.diverged` at the first example with a probability that
  ///   is not finite, naming what is not; what `body` throws.
  package func predict(
    _ dataset: ImageDataset, source: String = "images",
    _ body: (_ index: Int, _ probabilities: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    guard dataset.count > 0 else { return }
    try inParts(dataset, source) { pass, examples, probabilities in
      for index in examples {
        let row = probabilities(index)
        guard row.allSatisfy(\.isFinite) else { throw try pass.lost(index..<index + 1) }
        try body(index, row)
      }
    }
  }

  /// Evaluates a fixed number of whole shards at a time, in order, and calls `body` with the examples of each part and what
  /// gives the probabilities of one of them.
  private func inParts(
    _ dataset: ImageDataset, _ source: String,
    _ body: (
      _ pass: ForwardPass, _ examples: Range<Int>, _ probabilities: (Int) -> UnsafeBufferPointer<Float>
    ) throws -> Void
  ) throws {
    let classes = network.classes
    let pass = try pass(dataset, source) { plan in
      let shards = plan.workerCount * plan.shards.shardSize
      return max(1, self.probabilityBytes / (4 * classes * shards)) * shards
    }
    let atATime = pass.examplesAtATime
    let memory = try NodeBuffer(
      byteCount: atATime * classes * MemoryLayout<Float>.stride, purpose: "the probabilities of \(atATime) examples")
    let values = memory.pointer.bindMemory(to: Float.self, capacity: atATime * classes)
    for first in stride(from: 0, to: dataset.count, by: atATime) {
      let examples = first..<min(first + atATime, dataset.count)
      try pass.forward(examples, probabilities: values)
      try body(pass, examples) { index in
        UnsafeBufferPointer(start: values + (index - first) * classes, count: classes)
      }
    }
  }

  private func pass(
    _ dataset: ImageDataset, _ source: String, examplesAtATime: (RunPlan) -> Int
  ) throws -> ForwardPass {
    try requireFits(dataset, source: source)
    let plan = try RunPlan(model.configuration, topology: topology, kernels: kernels, exampleCount: dataset.count)
    return try ForwardPass(
      plan, dataset, source: source, weights: model.weights, examplesAtATime: min(examplesAtATime(plan), dataset.count))
  }
}

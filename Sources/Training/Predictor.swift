import Collectives
import Configuration
import Datasets
import Diagnostics
import Machine
import Network
import Storage
import Summation

/// The result of `evaluate`.
package struct EvaluationSummary: Sendable, Hashable {
  package var loss: Double
  package var accuracy: Double
  package var examples: Int

  package init(loss: Double, accuracy: Double, examples: Int) {
    self.loss = loss
    self.accuracy = accuracy
    self.examples = examples
  }
}

/// The forward pass alone, over all workers.
package final class Predictor {
  private let configuration: RunConfiguration
  private let topology: Topology
  private let weights: [NamedTensor]

  /// - Parameter source: what errors call the weights, such as their file.
  /// - Throws: `UserError` where the weights do not fit the network.
  package init(
    configuration: RunConfiguration, topology: Topology, weights: [NamedTensor], source: String = "weights"
  ) throws {
    self.configuration = configuration
    self.topology = topology
    self.weights = weights
    let plan = try RunPlan(configuration, topology: topology, exampleCount: 1)
    try SharedState(plan, exampleCount: 1, testExampleCount: 0).setWeights(weights, source: source)
  }

  /// Mean loss and accuracy over a data set.
  ///
  /// - Throws: `UserError(.badData)` for a data set without examples or of another shape.
  package func evaluate(_ dataset: ImageDataset) throws -> EvaluationSummary {
    guard dataset.count > 0 else {
      throw UserError(.badData, "data.test", "the data set has 0 examples; at least 1 is needed")
    }
    let shared = try forward(dataset, probabilities: nil)
    let shards = shared.plan.shards.shardCount(batchSize: dataset.count)
    let correct = (0..<shards).reduce(0) { $0 + shared.correct[$1] }
    let loss = ShardTree.sum(shards) { shared.losses[$0] }
    return EvaluationSummary(
      loss: loss / Double(dataset.count), accuracy: Double(correct) / Double(dataset.count),
      examples: dataset.count)
  }

  /// Class probabilities, row-major [examples, classes]; labels of `dataset` are not looked at.
  package func probabilities(_ dataset: ImageDataset) throws -> [Float] {
    guard dataset.count > 0 else { return [] }
    let classes = try RunPlan(configuration, topology: topology, exampleCount: 1).network.classes
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: dataset.count * classes)
    defer { memory.deallocate() }
    _ = try forward(dataset, probabilities: memory.baseAddress)
    return Array(memory)
  }

  private func forward(_ dataset: ImageDataset, probabilities: UnsafeMutablePointer<Float>?) throws -> SharedState {
    var whole = configuration
    whole.training.batchSize = max(configuration.training.batchSize, 1)
    let plan = try RunPlan(whole, topology: topology, exampleCount: dataset.count)
    try checkDataset(dataset, "data.test", plan.network)
    let shared = try SharedState(plan, exampleCount: 1, testExampleCount: dataset.count)
    try shared.setWeights(weights)
    let normalization = Normalization(configuration.data, channels: dataset.channels)
    // Written by the worker of each example alone, read after all have finished.
    nonisolated(unsafe) let target = probabilities
    try WorkerGroup(placement: plan.placement).run { context in
      let worker = try Worker(context, shared, normalization)
      try worker.loadWeights()
      worker.evaluate(dataset, probabilities: target)
    }
    return shared
  }
}

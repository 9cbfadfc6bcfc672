import Collectives
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Storage

/// Data-parallel training of one configuration.
///
/// The weights after any number of steps depend on configuration, data and seed alone: gradients are summed over shards
/// in one fixed tree, whatever the number and placement of workers.
package final class Trainer {
  package let plan: RunPlan
  let shared: SharedState
  private let training: ImageDataset
  private let test: ImageDataset?
  private let group: WorkerGroup
  private let normalization: Normalization
  /// For tests: a byte that all worker memory is filled with beforehand.
  var memoryFill: UInt8?

  /// - Parameters:
  ///   - initialWeights: replaces the random initial weights; must name every parameter once.
  ///   - kernels: the build to use instead of the selected one; see `RunPlan`.
  /// - Throws: `UserError` where data and configuration do not fit together or the machine refuses.
  package init(
    configuration: RunConfiguration, topology: Topology, training: ImageDataset, test: ImageDataset?,
    initialWeights: [NamedTensor]?, kernels: KernelTable? = nil
  ) throws {
    guard training.count > 0 else {
      throw UserError(.badData, "data.train", "the training set has 0 examples; at least 1 is needed")
    }
    plan = try RunPlan(configuration, topology: topology, exampleCount: training.count, kernels: kernels)
    try checkDataset(training, "data.train", plan.network)
    if let test { try checkDataset(test, "data.test", plan.network) }
    self.training = training
    self.test = test.flatMap { $0.count > 0 ? $0 : nil }
    shared = try SharedState(plan, exampleCount: training.count, testExampleCount: test?.count ?? 0)
    if let initialWeights {
      try shared.setWeights(initialWeights)
    } else {
      shared.initializeWeights(seed: configuration.seed)
    }
    normalization = Normalization(configuration.data, channels: training.channels)
    group = try WorkerGroup(placement: plan.placement)
  }

  /// What `run` is about to do.
  package var description: RunDescription {
    plan.description(trainingExamples: training.count, testExamples: test?.count ?? 0)
  }

  /// Trains to the end, or until `stop` is requested; `observer` is called on the calling thread.
  ///
  /// - Throws: the first error of a worker or of `observer`; `UserError(.diverged)` for a non-finite loss.
  package func run(stop: StopFlag, observer: (TrainingEvent) throws -> Void) throws -> TrainingSummary {
    try observer(.started(description))
    let ring = StepRing()
    var loop = TrainingLoop(
      plan: plan, shared: shared, training: training, test: test, normalization: normalization, ring: ring, stop: stop)
    loop.memoryFill = memoryFill
    let running = group.start { [loop] context in try loop.run(context) }
    var progress = ProgressAggregator(plan)
    do {
      var isFinished = false
      while !isFinished {
        isFinished = running.wait(timeoutMilliseconds: 20)
        while let totals = ring.pop() { try progress.add(totals, observer) }
        try progress.showProgress(observer)
      }
    } catch {
      // The observer failed: let the workers finish their step, then pass the error on.
      stop.request()
      while !running.wait(timeoutMilliseconds: 20) { while ring.pop() != nil {} }
      throw error
    }
    try running.result()
    return progress.summary(
      workers: plan.workerCount, digest: WeightsDigest.of(weights()),
      interrupted: stop.isRequested && progress.stepsDone < plan.totalSteps)
  }

  /// The parameters in layer order, weight before bias, in their public layouts.
  package func weights() -> [NamedTensor] { shared.namedWeights() }
}

/// Refuses a data set whose images or labels the network cannot take.
func checkDataset(_ dataset: ImageDataset, _ key: String, _ network: NetworkPlan) throws {
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

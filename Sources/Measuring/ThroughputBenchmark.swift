import Collectives
import Configuration
import KernelInterface
import Machine
import Network
import Storage
import Training

/// The result of `bench throughput`: of training steps, or of the forward pass alone.
package struct ThroughputSummary: Sendable, Hashable {
  package var medianImagesPerSecond: Double
  package var bestImagesPerSecond: Double
  package var medianStepMilliseconds: Double
  package var workers: Int
  package var batchSize: Int
  /// Notes about the workers.
  package var warnings: [String] = []
  /// What one core takes to make an image ready, from bytes, with the configuration's augmentation; of training alone.
  package var loadingMicroseconds: Double?
  /// Norms of the network, and how many of them were computed in the layers before them; of the forward pass alone.
  package var norms: FoldedNorms.Count?
  /// Processes that trained together; `workers` are all of theirs.
  package var ranks = 1
  /// What the first of them exchanged with the others, by kind.
  package var exchanged: [ExchangeTally] = []

  package init(
    medianImagesPerSecond: Double, bestImagesPerSecond: Double, medianStepMilliseconds: Double, workers: Int,
    batchSize: Int, warnings: [String] = [], loadingMicroseconds: Double? = nil, norms: FoldedNorms.Count? = nil
  ) {
    self.norms = norms
    self.loadingMicroseconds = loadingMicroseconds
    self.medianImagesPerSecond = medianImagesPerSecond
    self.bestImagesPerSecond = bestImagesPerSecond
    self.medianStepMilliseconds = medianStepMilliseconds
    self.workers = workers
    self.batchSize = batchSize
    self.warnings = warnings
  }

  /// The share of a step that a worker takes to make its images ready; it is part of the step.
  package var loadingShare: Double? {
    loadingMicroseconds.map { $0 * 1e-3 * Double(batchSize) / Double(workers) / medianStepMilliseconds }
  }
}

/// Images per second of full training steps: input conversion, forward, backward, all-reduce, update; or of inferences: input
/// conversion and forward pass, norms computed in the layers before them.
package enum ThroughputBenchmark {
  /// Trains on synthetic in-memory data of the configured shape for about `seconds`, after warm-up.
  ///
  /// Every step is a full batch. The median and best are over single steps. As a rank of `job`, if there is one.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, seconds: Double, job: Job? = nil
  ) throws -> ThroughputSummary {
    let trial = try TrainingTrial.run(
      configuration: configuration, topology: topology, kernels: kernels, seconds: seconds, job: job)
    var summary = ThroughputSummary(
      medianImagesPerSecond: trial.medianImagesPerSecond, bestImagesPerSecond: trial.bestImagesPerSecond,
      medianStepMilliseconds: trial.medianStepNanoseconds * 1e-6,
      workers: trial.workers, batchSize: trial.batchSize, warnings: trial.placement.warnings,
      loadingMicroseconds: median(try LoadingTime.nanosecondsPerImage(configuration)) * 1e-3)
    summary.ranks = trial.place?.count ?? 1
    summary.exchanged = trial.exchanged
    return summary
  }

  /// Takes full batches of synthetic in-memory data through the network of random weights for about `seconds`, after warm-up.
  ///
  /// The median and best are over single batches.
  package static func inference(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, seconds: Double
  ) throws -> ThroughputSummary {
    let data = try TrainingTrial.data(configuration)
    func plan(_ configuration: RunConfiguration) throws -> RunPlan {
      try RunPlan(configuration, topology: topology, kernels: kernels, exampleCount: data.count)
    }
    let weights = try plan(configuration).network.parameters.parameters.enumerated().map { index, parameter in
      NamedTensor(
        name: parameter.name, shape: parameter.shape,
        values: InitialWeights.values(of: parameter, index: index, seed: configuration.seed))
    }
    let model = try InferenceModel(configuration, weights: weights)
    let folded = try plan(model.configuration)
    let times = try TimedInferences(
      model, of: folded, on: data, skipping: TrainingTrial.warmUpSteps, seconds: seconds, least: 5
    ).nanoseconds
    let batch = configuration.training.batchSize
    func rate(_ nanoseconds: Double) -> Double { Double(batch) / (nanoseconds * 1e-9) }
    let typical = median(times)
    return ThroughputSummary(
      medianImagesPerSecond: rate(typical), bestImagesPerSecond: rate(times.min() ?? typical),
      medianStepMilliseconds: typical * 1e-6, workers: folded.placement.workers.count, batchSize: batch,
      warnings: folded.placement.warnings, norms: model.norms)
  }
}

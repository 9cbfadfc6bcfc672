import Configuration
import KernelInterface
import Machine

/// The result of `bench throughput`.
package struct ThroughputSummary: Sendable, Hashable {
  package var medianImagesPerSecond: Double
  package var bestImagesPerSecond: Double
  package var medianStepMilliseconds: Double
  package var workers: Int
  package var batchSize: Int
  /// Notes about the workers.
  package var warnings: [String] = []

  package init(
    medianImagesPerSecond: Double, bestImagesPerSecond: Double, medianStepMilliseconds: Double, workers: Int,
    batchSize: Int, warnings: [String] = []
  ) {
    self.medianImagesPerSecond = medianImagesPerSecond
    self.bestImagesPerSecond = bestImagesPerSecond
    self.medianStepMilliseconds = medianStepMilliseconds
    self.workers = workers
    self.batchSize = batchSize
    self.warnings = warnings
  }
}

/// Images per second of full training steps: input conversion, forward, backward, all-reduce, update.
package enum ThroughputBenchmark {
  /// Trains on synthetic in-memory data of the configured shape for about `seconds`, after warm-up.
  ///
  /// Every step is a full batch. The median and best are over single steps.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, seconds: Double
  ) throws -> ThroughputSummary {
    let trial = try TrainingTrial.run(
      configuration: configuration, topology: topology, kernels: kernels, seconds: seconds)
    return ThroughputSummary(
      medianImagesPerSecond: trial.medianImagesPerSecond, bestImagesPerSecond: trial.bestImagesPerSecond,
      medianStepMilliseconds: trial.medianStepNanoseconds * 1e-6, workers: trial.placement.workers.count,
      batchSize: trial.batchSize, warnings: trial.placement.warnings)
  }
}

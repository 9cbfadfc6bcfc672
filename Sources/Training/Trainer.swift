import Datasets
import Diagnostics
import Machine
import Network
import Storage
import Synchronization

/// Asks a run to stop after the step it is in; set from a signal handler's thread, read by worker 0 once a step.
package final class StopFlag: Sendable {
  private let requested = Atomic<Bool>(false)

  package init() {}
  package func request() { requested.store(true, ordering: .releasing) }
  package var isRequested: Bool { requested.load(ordering: .acquiring) }
}

/// Data-parallel training of one configuration.
package final class Trainer {
  /// - Throws: `UserError` where data and configuration do not fit together or the machine refuses.
  package init(
    configuration: RunConfiguration, topology: Topology, training: ImageDataset, test: ImageDataset?,
    initialWeights: [NamedTensor]?
  ) throws {
    fatalError("to come")
  }

  /// Trains to the end, or until `stop` is requested; `observer` is called on the calling thread.
  package func run(stop: StopFlag, observer: (TrainingEvent) throws -> Void) throws -> TrainingSummary {
    fatalError("to come")
  }

  /// The parameters in layer order, weight before bias, in their public layouts.
  package func weights() -> [NamedTensor] { fatalError("to come") }
}

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
  package init(configuration: RunConfiguration, topology: Topology, weights: [NamedTensor]) throws {
    fatalError("to come")
  }
  package func evaluate(_ dataset: ImageDataset) throws -> EvaluationSummary { fatalError("to come") }
  /// Class probabilities, row-major [examples, classes]; labels of `dataset` are not looked at.
  package func probabilities(_ dataset: ImageDataset) throws -> [Float] { fatalError("to come") }
}

/// The result of `bench throughput`.
package struct ThroughputSummary: Sendable, Hashable {
  package var medianImagesPerSecond: Double
  package var bestImagesPerSecond: Double
  package var medianStepMilliseconds: Double
  package var workers: Int
  package var batchSize: Int
}

package enum ThroughputBenchmark {
  /// Full training steps on in-memory data for about `seconds` after warm-up.
  package static func run(configuration: RunConfiguration, topology: Topology, seconds: Double) throws
    -> ThroughputSummary
  { fatalError("to come") }
}

/// One row of `gradcheck`: the worst difference over the elements of one tensor.
package struct GradientCheckRow: Sendable, Hashable {
  package var layer: String
  /// `weight`, `bias` or `input`.
  package var tensor: String
  package var elements: Int
  /// Largest |analytic − numeric| over the largest |numeric| of the tensor.
  package var worstError: Double
  package var tolerance: Double
  package var passed: Bool { worstError <= tolerance }
}

package enum GradientCheck {
  /// Finite differences against every parameter and the input, per layer.
  package static func run(configuration: RunConfiguration, training: ImageDataset) throws -> [GradientCheckRow] {
    fatalError("to come")
  }
}

/// The `training` section.
package struct TrainingConfiguration: Hashable, Sendable {
  package var epochs: Int
  /// Examples per step over all workers; the last batch of an epoch may be smaller.
  package var batchSize: Int
  package var shuffle: Bool
  package var optimizer: OptimizerConfiguration
  package var learningRateSchedule: LearningRateSchedule
  /// The largest norm of the mean gradient that a step applies; `nil` for any.
  package var clipNorm: Double?
  /// The share of every target that all classes divide among themselves.
  package var labelSmoothing = 0.0
  package var weightAverage: WeightAverage?
  package var earlyStopping: EarlyStopping?
  package var stopAt: StopAt?
  package var maxSteps: Int?
  package var maxSeconds: Double?
  package var evaluateEveryEpochs = 1
  package var testTimeAugmentation = TestTimeAugmentation.none

  package init(
    epochs: Int, batchSize: Int, shuffle: Bool, optimizer: OptimizerConfiguration,
    learningRateSchedule: LearningRateSchedule
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.shuffle = shuffle
    self.optimizer = optimizer
    self.learningRateSchedule = learningRateSchedule
  }

  package enum TestTimeAugmentation: String, Hashable, Sendable, CaseIterable {
    case none
    /// Images and their mirror images, the mean of their logits.
    case flip
  }

  /// A running mean of the weights, which is evaluated and exported in their place.
  package struct WeightAverage: Hashable, Sendable {
    /// The share of the old mean that an update keeps.
    package var decay: Double
    /// Steps from one update to the next.
    package var everySteps: Int

    package init(decay: Double = 0.999, everySteps: Int = 1) {
      self.decay = decay
      self.everySteps = everySteps
    }
  }

  /// Ends a run whose metric no longer gets better.
  package struct EarlyStopping: Hashable, Sendable {
    package var monitor: Metric
    /// Evaluations without a better value after which the run ends.
    package var patience: Int
    /// How much better a value has to be to count.
    package var minDelta: Double

    package init(monitor: Metric = .validationLoss, patience: Int = 5, minDelta: Double = 0) {
      self.monitor = monitor
      self.patience = patience
      self.minDelta = minDelta
    }
  }

  /// Ends a run whose metric reaches a value.
  package struct StopAt: Hashable, Sendable {
    package var metric: Metric
    package var value: Double

    package init(metric: Metric, value: Double) {
      self.metric = metric
      self.value = value
    }
  }
}

/// What training tells while it runs, in the order in which it happens.
public enum TrainingEvent: Sendable {
  /// What the run is about to do; before its first step.
  case started(TrainingPlan)
  /// Means over the steps since the last such event; every ``LoggingSettings/everySteps`` steps.
  case step(StepMetrics)
  /// The same since the last such event or step, at most ten times a second, for something that a person looks at.
  case progress(StepMetrics)
  /// Means over an epoch, with the result on the test set where it was evaluated.
  case epoch(EpochMetrics)
  /// The state after everything told before it, when ``CheckpointSettings`` ask for it.
  case checkpoint(Checkpoint)
  /// What a user should know, such as files that were left out.
  case warning(String)
}

/// What a run is, known before its first step.
public struct TrainingPlan: Sendable, Hashable {
  /// Examples of the training set.
  public let trainingExamples: Int
  /// Examples of the test set, 0 without one.
  public let testExamples: Int
  /// Passes over the training set.
  public let epochs: Int
  /// Batches of an epoch.
  public let stepsPerEpoch: Int
  /// Examples of a step over all workers.
  public let batchSize: Int
  /// Steps that earlier parts of the run have done.
  public let firstStep: Int
  /// Parameters that are trained.
  public let parameterCount: Int
  /// Threads that compute.
  public let workers: Int
  /// The build of the kernels that computes.
  public let kernels: RuntimeSettings.Kernels
  /// Bytes that the run takes for weights, optimizer, activations and gradients of all workers; the data are not in it.
  public let memoryBytes: Int
  /// Sentences about what the plan could not do, such as idle workers or pinning that was refused.
  public let notes: [String]
}

/// Means over some steps.
public struct StepMetrics: Sendable, Hashable {
  /// The epoch, from 1.
  public let epoch: Int
  /// Steps done since the start of training.
  public let step: Int
  /// Mean cross-entropy of the training examples, in nats, summed in one fixed tree over shards.
  public let loss: Double
  /// The share of the training examples that were classified right, 0 to 1.
  public let accuracy: Double
  /// The learning rate of the last of the steps.
  public let learningRate: Double
  /// Training examples per second.
  public let imagesPerSecond: Double
  /// Seconds since the start of training, without the time between the parts of an interrupted run.
  public let elapsedSeconds: Double
}

/// Means over an epoch.
public struct EpochMetrics: Sendable, Hashable {
  /// Of the training examples.
  public let training: StepMetrics
  /// Mean cross-entropy over the test set, in nats; `nil` where it was not evaluated.
  public let valLoss: Double?
  /// The share of the test set that is classified right, 0 to 1; `nil` where it was not evaluated.
  public let valAccuracy: Double?
  /// The share of the test set whose class is among the five most probable; `nil` for fewer than ten classes.
  public let valTop5Accuracy: Double?
}

/// What training ends with.
public struct TrainingResult: Sendable, Hashable {
  /// The trained weights; their average with ``TrainingSettings/ema``.
  public let weights: Weights
  /// False if the task was cancelled before the last step: ``checkpoint`` continues the run.
  public let isComplete: Bool
  /// The last state of the run; `nil` for a complete run whose ``CheckpointSettings`` are all off.
  public let checkpoint: Checkpoint?
  /// Whole epochs done.
  public let epochs: Int
  /// Steps done.
  public let steps: Int
  /// Mean cross-entropy of the training examples over the last epoch, in nats.
  public let loss: Double
  /// The last result on the test set: mean cross-entropy in nats; `nil` without one.
  public let valLoss: Double?
  /// The last result on the test set: the share that is classified right, 0 to 1; `nil` without one.
  public let valAccuracy: Double?
  /// Training examples per second.
  public let imagesPerSecond: Double
  /// Seconds, without the time between the parts of an interrupted run.
  public let elapsedSeconds: Double
  /// Threads that computed.
  public let workers: Int
}

internal import Storage

/// The configuration's section `training`: how the network is trained.
public struct TrainingSettings: Sendable, Hashable {
  /// Passes over the training set.
  public var epochs = 10
  /// Examples of a step over all workers; the last batch of an epoch may be smaller.
  public var batchSize = 128
  /// Whether every epoch has an order of its own, which follows from the seed; else examples come as the data has them.
  public var shuffle = true
  /// How gradients change weights.
  public var optimizer = Optimizer.sgd()
  /// How the learning rate moves over steps.
  public var lrSchedule = LearningRateSchedule.constant()
  /// The largest norm of the mean gradient over all parameters, to which a longer one is scaled; `nil` for any.
  public var clipNorm: Double?
  /// The share of every target that all classes divide among themselves; losses of the test set are without it.
  public var labelSmoothing = 0.0
  /// A running mean of the weights, which is evaluated and returned in their place; `nil` for none.
  public var ema: WeightAverage?
  /// Ends a run whose metric no longer gets better; `nil` for never.
  public var earlyStopping: EarlyStopping?
  /// Ends a run whose metric reaches a value; `nil` for never.
  public var stopAt: Target?
  /// Steps after which the run ends, if it has not before; `nil` for any number.
  public var maxSteps: Int?
  /// The run ends with the first step that ends after so many seconds, over all its parts; two such runs are not the same.
  public var maxSeconds: Double?
  /// Epochs from one evaluation of the test set to the next; the last epoch has one, too.
  public var evaluateEveryEpochs = 1
  /// What evaluations and predictions take the mean over.
  public var testTimeAugmentation = TestTimeAugmentation.none

  /// The configuration's defaults but for the keys that are used most.
  public init(
    epochs: Int = 10, batchSize: Int = 128, optimizer: Optimizer = .sgd(),
    lrSchedule: LearningRateSchedule = .constant()
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.lrSchedule = lrSchedule
  }

  /// A running mean of the weights: mean ← decay · mean + (1 − decay) · weights.
  public struct WeightAverage: Sendable, Hashable {
    /// The share of the old mean that an update keeps; the first update takes the weights.
    public var decay: Double
    /// Steps from one update to the next.
    public var everySteps: Int

    /// A mean with the configuration's defaults.
    public init(decay: Double = 0.999, everySteps: Int = 1) { (self.decay, self.everySteps) = (decay, everySteps) }
  }

  /// When a run has not become better for too long.
  public struct EarlyStopping: Sendable, Hashable {
    /// What is to get better.
    public var monitor: Metric
    /// Evaluations without a better value after which the run ends.
    public var patience: Int
    /// By how much a better value is to be better.
    public var minDelta: Double

    /// A rule with the configuration's defaults.
    public init(monitor: Metric = .valLoss, patience: Int = 5, minDelta: Double = 0) {
      (self.monitor, self.patience, self.minDelta) = (monitor, patience, minDelta)
    }
  }

  /// A value that ends a run once it is reached.
  public struct Target: Sendable, Hashable {
    /// What is to reach the value.
    public var metric: Metric
    /// At least so much of an accuracy, at most so much of a loss.
    public var value: Double

    /// The value of a metric.
    public init(metric: Metric, value: Double) { (self.metric, self.value) = (metric, value) }
  }

  /// What evaluations and predictions take the mean over.
  public enum TestTimeAugmentation: String, Sendable, Hashable, CaseIterable {
    /// The image alone.
    case none
    /// The logits of the image and of its mirror image.
    case flip
  }
}

/// A number that tells how well an epoch went.
public enum Metric: String, Sendable, Hashable, CaseIterable {
  /// Mean cross-entropy over the training examples of an epoch, in nats.
  case loss
  /// The share of them that were classified right as they were trained on, 0 to 1.
  case accuracy
  /// Mean cross-entropy over the test set, in nats.
  case valLoss = "val_loss"
  /// The share of the test set that is classified right, 0 to 1.
  case valAccuracy = "val_accuracy"
  /// The share of the test set whose class is among the five most probable; from ten classes on.
  case valTop5Accuracy = "val_top5_accuracy"
}

extension TrainingSettings: ConfigurationValue {
  var json: JSONValue {
    .section([
      ("epochs", epochs), ("batch_size", batchSize), ("shuffle", shuffle), ("optimizer", optimizer),
      ("lr_schedule", lrSchedule), ("clip_norm", clipNorm), ("label_smoothing", labelSmoothing),
      ("ema", ema.map { .section([("decay", $0.decay), ("every_steps", $0.everySteps)]) } as JSONValue?),
      (
        "early_stopping",
        earlyStopping.map {
          .section([("monitor", $0.monitor), ("patience", $0.patience), ("min_delta", $0.minDelta)])
        } as JSONValue?
      ), ("stop_at", stopAt.map { .section([("metric", $0.metric), ("value", $0.value)]) } as JSONValue?),
      ("max_steps", maxSteps), ("max_seconds", maxSeconds), ("evaluate_every_epochs", evaluateEveryEpochs),
      ("test_time_augmentation", testTimeAugmentation),
    ])
  }
}

extension Metric: ConfigurationWord {}
extension TrainingSettings.TestTimeAugmentation: ConfigurationWord {}

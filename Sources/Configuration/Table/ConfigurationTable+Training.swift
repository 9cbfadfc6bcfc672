import ConfigurationKeys
import Diagnostics
import Storage

extension ConfigurationTable {
  static let training: [KeyField<TrainingConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "epochs", .integer(1...1_000_000), default: .integer(10), effect: .length, "Passes over the training set."),
      \.epochs),
    KeyField(
      ConfigurationKey(
        "batch_size", .integer(1...(1 << 24)), default: .integer(128),
        "Examples per step over all workers; the last batch of an epoch may be smaller."), \.batchSize),
    KeyField(
      ConfigurationKey(
        "shuffle", .bool, default: .bool(true), "A new order of the examples in every epoch; false: the file's order."),
      \.shuffle),
    .section(
      "optimizer", \.optimizer, optimizer,
      check: { node, optimizer in
        guard optimizer.nesterov, optimizer.momentum == 0 else { return }
        node.mistakes.add(
          UserError(
            .badConfiguration, node.keyPath("nesterov"),
            "found true with momentum 0; allowed: true with momentum above 0"))
      }, "How gradients change weights; PyTorch's formulas."),
    KeyField(
      ConfigurationKey(
        "clip_norm", .number(.positive), otherwise: "no limit",
        "The largest norm of the mean gradient over all parameters; a longer one is scaled to it."),
      get: { $0.clipNorm.map { .number($0) } }, set: { $0.clipNorm = $1.floatingPoint }),
    KeyField(
      ConfigurationKey(
        "label_smoothing", .number(.within(0...0.999)), default: .number(0),
        "The share of every target that all classes divide among themselves; losses of the test set are without it."),
      \.labelSmoothing),
    .section(
      "lr_schedule", \.learningRateSchedule, schedule,
      check: { node, schedule in
        guard !zip(schedule.milestones, schedule.milestones.dropFirst()).allSatisfy(<) else { return }
        node.mistakes.add(
          KeyKind.failure(
            node.keyPath("milestones"), .array(schedule.milestones.map { .number($0) }), allowed: "ascending epochs"))
      }, "How the learning rate moves over steps; PyTorch's schedules, one step at a time."),
    .section(
      ConfigurationKey(
        "ema", .section(average.map(\.key)), otherwise: "none",
        "A running mean of the weights and running statistics, which is evaluated and exported in their place."),
      \.weightAverage, average, empty: .init()),
    .section(
      ConfigurationKey(
        "early_stopping", .section(stopping.map(\.key)), otherwise: "none", effect: .length,
        "Ends a run whose metric no longer gets better."), \.earlyStopping, stopping, empty: .init()),
    .section(
      ConfigurationKey(
        "stop_at", .section(target.map(\.key)), otherwise: "none", effect: .length,
        "Ends a run whose metric reaches a value."), \.stopAt, target,
      empty: .init(metric: .validationAccuracy, value: 0)),
    KeyField(
      ConfigurationKey(
        "max_steps", .integer(1...1_000_000_000_000), otherwise: "no limit", effect: .length,
        "Steps after which the run ends, if it has not before."),
      get: { $0.maxSteps.map { .integer($0) } }, set: { $0.maxSteps = $1.exactInteger }),
    KeyField(
      ConfigurationKey(
        "max_seconds", .number(.positive), otherwise: "no limit", effect: .length,
        "The run ends with the first step that ends after so many seconds, over all its parts. Two such runs are not the same."
      ),
      get: { $0.maxSeconds.map { .number($0) } }, set: { $0.maxSeconds = $1.floatingPoint }),
    KeyField(
      ConfigurationKey(
        "evaluate_every_epochs", .integer(1...1_000_000), default: .integer(1),
        "Epochs from one evaluation of the test set to the next; the last epoch has one, too."), \.evaluateEveryEpochs),
    KeyField(
      ConfigurationKey(
        "test_time_augmentation", .choice(of: TrainingConfiguration.TestTimeAugmentation.self),
        default: .string("none"),
        "flip: evaluations and predictions take the mean of an image's logits and its mirror image's."),
      \.testTimeAugmentation),
  ]

  private static let average: [KeyField<TrainingConfiguration.WeightAverage>] = [
    KeyField(
      ConfigurationKey(
        "decay", .number(.within(0...0.9999999)), default: .number(0.999),
        "The share of the old mean that an update keeps; the first update takes the weights."), \.decay),
    KeyField(
      ConfigurationKey(
        "every_steps", .integer(1...1_000_000), default: .integer(1), "Steps from one update to the next."),
      \.everySteps),
  ]

  private static let stopping: [KeyField<TrainingConfiguration.EarlyStopping>] = [
    KeyField(
      ConfigurationKey(
        "monitor", .choice(of: Metric.self), default: .string("val_loss"), effect: .length, "What is to get better."),
      \.monitor),
    KeyField(
      ConfigurationKey(
        "patience", .integer(1...1_000_000), default: .integer(5), effect: .length,
        "Evaluations without a better value after which the run ends."), \.patience),
    KeyField(
      ConfigurationKey(
        "min_delta", .number(.notNegative), default: .number(0), effect: .length,
        "By how much a better value is to be better."), \.minDelta),
  ]

  private static let target: [KeyField<TrainingConfiguration.StopAt>] = [
    KeyField(
      ConfigurationKey("metric", .choice(of: Metric.self), effect: .length, "What is to reach the value."), \.metric),
    KeyField(
      ConfigurationKey(
        "value", .number(.any), effect: .length, "At least so much of an accuracy, at most so much of a loss."), \.value
    ),
  ]
}

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
    .section("lr_schedule", \.learningRateSchedule, schedule, "How the learning rate moves over steps."),
  ]

  private static let schedule: [KeyField<LearningRateSchedule>] = [
    KeyField(
      ConfigurationKey("type", .choice(["constant"]), default: .string("constant"), "The same rate in every step."),
      get: { _ in .string("constant") }, set: { _, _ in })
  ]
}

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
    .section("lr_schedule", \.learningRateSchedule, schedule, "How the learning rate moves over steps."),
  ]

  private static let optimizer: [KeyField<SGDConfiguration>] = [
    KeyField(
      ConfigurationKey(
        "type", .choice(["sgd"]), default: .string("sgd"),
        "`v ← momentum·v + g + weight_decay·w; w ← w − lr·v`, with Nesterov `w ← w − lr·(g + momentum·v)`."),
      get: { _ in .string("sgd") }, set: { _, _ in }),
    KeyField(
      ConfigurationKey("lr", .number(.notNegative), default: .number(0.05), "The learning rate."), \.learningRate),
    KeyField(
      ConfigurationKey(
        "momentum", .number(.within(0...1)), default: .number(0.9), "The share of the velocity that a step keeps."),
      \.momentum),
    KeyField(
      ConfigurationKey("nesterov", .bool, default: .bool(false), "Nesterov's form of momentum."), \.nesterov),
    KeyField(
      ConfigurationKey(
        "weight_decay", .number(.notNegative), default: .number(0),
        "The share of a parameter that is added to its gradient, for biases too."), \.weightDecay),
  ]

  private static let schedule: [KeyField<LearningRateSchedule>] = [
    KeyField(
      ConfigurationKey("type", .choice(["constant"]), default: .string("constant"), "The same rate in every step."),
      get: { _ in .string("constant") }, set: { _, _ in })
  ]
}

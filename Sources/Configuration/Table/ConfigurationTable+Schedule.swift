import ConfigurationKeys
import Storage

extension ConfigurationTable {
  static let schedule: [KeyField<LearningRateSchedule>] =
    [
      KeyField(
        ConfigurationKey(
          "type", .choice(of: LearningRateSchedule.Kind.self), default: .string("constant"),
          "step and multi_step count epochs from the start of the run; exponential, cosine and linear begin after the "
            + "warm-up, and cosine, linear and one_cycle reach their end with the run's."), \.kind),
      KeyField(
        ConfigurationKey("step_size", .number(.positive), default: .number(30), "Epochs from one fall to the next.")
          .with("type", "step"), \.stepSize),
      KeyField(
        ConfigurationKey(
          "milestones",
          .array(of: .number(.notNegative), ArrayRule(1...1000, "an array of 1 to 1000 ascending epochs")),
          "Epochs at which the rate falls."
        ).with("type", "multi_step"), \.milestones),
      KeyField(
        ConfigurationKey("gamma", gamma, default: .number(0.1), "What a fall multiplies the rate by.")
          .with("type", "step", "multi_step"), \.gamma),
      KeyField(
        ConfigurationKey("gamma", gamma, "What an epoch multiplies the rate by, a step by its part of that.")
          .with("type", "exponential"), \.gamma),
      KeyField(
        ConfigurationKey("start_factor", factor, default: .number(1), "What `lr` is multiplied by at first.")
          .with("type", "linear"), \.startFactor),
      KeyField(
        ConfigurationKey("end_factor", factor, default: .number(0), "What it is multiplied by after the last step.")
          .with("type", "linear"), \.endFactor),
    ] + cycle + plateau + [
      KeyField(
        ConfigurationKey("min_lr", .number(.notNegative), default: .number(0), "Where the rate ends.")
          .with("type", "cosine", "plateau"), \.minimum),
      KeyField(
        ConfigurationKey(
          "warmup_epochs", .number(.notNegative), default: .number(0),
          "Epochs in which a factor rises from `warmup_start_factor` to 1, evenly step by step."
        ).with("type", warmingKinds), \.warmupEpochs),
      KeyField(
        ConfigurationKey(
          "warmup_start_factor", .number(.within(0...1)), default: .number(0.1), "The factor of the first step."
        ).with("type", warmingKinds), \.warmupStartFactor),
    ]

  /// `one_cycle` warms up by itself.
  private static let warmingKinds = LearningRateSchedule.Kind.allCases.filter { $0 != .oneCycle }.map(\.rawValue)
  private static let gamma = KeyKind.number(.within(1e-9...1))
  private static let factor = KeyKind.number(.within(0...1))

  private static let cycle: [KeyField<LearningRateSchedule>] = [
    KeyField(
      ConfigurationKey(
        "pct_start", factor, default: .number(0.3), "The share of the steps in which the rate rises to `lr`."
      ).with("type", "one_cycle"), \.risingShare),
    KeyField(
      ConfigurationKey("div_factor", .number(.positive), default: .number(25), "The first rate is `lr` over this.")
        .with("type", "one_cycle"), \.divFactor),
    KeyField(
      ConfigurationKey(
        "final_div_factor", .number(.positive), default: .number(10_000), "The last rate is the first over this."
      ).with("type", "one_cycle"), \.finalDivFactor),
    KeyField(
      ConfigurationKey(
        "anneal_strategy", .choice(of: LearningRateSchedule.Annealing.self), default: .string("cos"),
        "How the rate rises and falls."
      ).with("type", "one_cycle"), \.annealing),
  ]

  private static let plateau: [KeyField<LearningRateSchedule>] = [
    KeyField(
      ConfigurationKey("monitor", .choice(of: Metric.self), default: .string("val_loss"), "What is to get better.")
        .with("type", "plateau"), \.monitor),
    KeyField(
      ConfigurationKey("factor", gamma, default: .number(0.1), "What a fall multiplies the rate by.")
        .with("type", "plateau"), \.factor),
    KeyField(
      ConfigurationKey(
        "patience", .integer(0...1_000_000), default: .integer(10),
        "Evaluations without a better value that are waited for before the rate falls."
      ).with("type", "plateau"), \.patience),
    KeyField(
      ConfigurationKey(
        "threshold", .number(.notNegative), default: .number(1e-4), "By how much a better value is to be better."
      ).with("type", "plateau"), \.threshold),
    KeyField(
      ConfigurationKey(
        "threshold_mode", .choice(of: LearningRateSchedule.ThresholdMode.self), default: .string("rel"),
        "rel: as a share of the best value; abs: as it is."
      ).with("type", "plateau"), \.thresholdMode),
    KeyField(
      ConfigurationKey(
        "cooldown", .integer(0...1_000_000), default: .integer(0), "Evaluations after a fall that are not counted."
      ).with("type", "plateau"), \.cooldown),
  ]
}

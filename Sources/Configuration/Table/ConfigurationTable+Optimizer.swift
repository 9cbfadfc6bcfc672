import ConfigurationKeys
import Storage

extension ConfigurationTable {
  static let optimizer: [KeyField<OptimizerConfiguration>] =
    [
      KeyField(
        ConfigurationKey(
          "type", .choice(of: OptimizerConfiguration.Rule.self), default: .string("sgd"),
          "sgd: `v ← momentum·v + g + weight_decay·w; w ← w − lr·v`, with Nesterov `w ← w − lr·(g + momentum·v)`; "
            + "adamw takes weight decay from the weights, adam adds it to the gradient; lars scales every weight "
            + "tensor's `g + weight_decay·w` by `trust_coefficient·‖w‖ / (‖g‖ + weight_decay·‖w‖ + epsilon)`, others as "
            + "sgd does."), \.rule)
    ] + rates + [
      KeyField(
        ConfigurationKey("momentum", share, default: .number(0.9), "The share of the velocity that a step keeps.")
          .with("type", velocityRules), \.momentum),
      KeyField(
        ConfigurationKey("nesterov", .bool, default: .bool(false), "Nesterov's form of momentum.")
          .with("type", velocityRules), \.nesterov),
      KeyField(
        ConfigurationKey(
          "betas",
          .array(of: .number(kept), ArrayRule(2...2, "an array of 2 numbers from 0 to 0.999999")),
          default: .array([.number(0.9), .number(0.999)]),
          "The shares of the running means of the gradient and of its square that a step keeps."
        ).with("type", "adam", "adamw"), \.betas),
      KeyField(
        ConfigurationKey(
          "alpha", .number(kept), default: .number(0.99),
          "The share of the running mean of the gradient's square that a step keeps."
        ).with("type", "rmsprop"), \.alpha),
      KeyField(
        ConfigurationKey(
          "momentum", share, default: .number(0), "The share of the velocity that a step keeps; 0: no velocity."
        ).with("type", "rmsprop"), \.momentum),
      KeyField(
        ConfigurationKey(
          "centered", .bool, default: .bool(false),
          "Whether the square of the running mean gradient is taken off the mean of squares."
        ).with("type", "rmsprop"), \.centered),
      KeyField(
        ConfigurationKey(
          "trust_coefficient", .number(.positive), default: .number(0.001),
          "A weight tensor's step at `lr` 1, as a share of its norm."
        ).with("type", "lars"), \.trustCoefficient),
      KeyField(
        ConfigurationKey(
          "epsilon", .number(.within(1e-30...1)), default: .number(1e-8), "What is added to what a step is divided by."
        ).with("type", "adam", "adamw", "rmsprop", "lars"), \.epsilon),
    ] + decays + [
      KeyField(
        ConfigurationKey(
          "weight_decay_norm", .number(.notNegative), otherwise: "`weight_decay`",
          "Weight decay of biases and of the parameters of norms; 0: none."),
        get: { $0.normWeightDecay.map { .number($0) } }, set: { $0.normWeightDecay = $1.floatingPoint })
    ]

  private static let velocityRules = OptimizerConfiguration.Rule.withVelocity.map(\.rawValue)
  private static let share = KeyKind.number(.within(0...1))
  /// Below 1, so that a mean comes to its values some time.
  private static let kept = NumberRule.within(0...0.999999)

  private static let rates: [KeyField<OptimizerConfiguration>] = [
    (0.05, velocityRules), (0.001, ["adam", "adamw"]), (0.01, ["rmsprop"]),
  ].map { rate, rules in
    KeyField(
      ConfigurationKey("lr", .number(.notNegative), default: .number(rate), "The learning rate.").with("type", rules),
      \.learningRate)
  }

  private static let decays: [KeyField<OptimizerConfiguration>] = [
    (0, ["sgd", "adam", "rmsprop", "lars"]), (0.01, ["adamw"]),
  ].map { decay, rules in
    KeyField(
      ConfigurationKey(
        "weight_decay", .number(.notNegative), default: .number(decay),
        "The share of a parameter that is added to its gradient, for biases too."
      ).with("type", rules), \.weightDecay)
  }
}

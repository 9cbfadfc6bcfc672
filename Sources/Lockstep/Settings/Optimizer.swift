internal import Storage

/// How gradients change weights, by the formulas and with the defaults of PyTorch's optimizers of the same names.
///
/// g is the gradient of the mean loss over the batch, summed in one fixed tree over shards.
public struct Optimizer: Sendable, Hashable {
  let json: JSONValue

  private init(_ type: String, _ members: [(String, (any ConfigurationValue)?)]) {
    json = .section([("type", type)] + members)
  }

  /// Momentum: v ← momentum·v + g + weightDecay·w; w ← w − lr·v, with Nesterov w ← w − lr·(g + momentum·v).
  /// - Parameters:
  ///   - lr: the learning rate.
  ///   - momentum: the share of the velocity that a step keeps.
  ///   - nesterov: Nesterov's form of momentum.
  ///   - weightDecay: the share of a parameter that is added to its gradient.
  ///   - weightDecayNorm: the same for biases and the parameters of norms; `nil` for `weightDecay`.
  public static func sgd(
    lr: Double = 0.05, momentum: Double = 0.9, nesterov: Bool = false, weightDecay: Double = 0,
    weightDecayNorm: Double? = nil
  ) -> Optimizer {
    Optimizer(
      "sgd",
      [
        ("lr", lr), ("momentum", momentum), ("nesterov", nesterov), ("weight_decay", weightDecay),
        ("weight_decay_norm", weightDecayNorm),
      ])
  }

  /// Adam (Kingma and Ba, 2015), which adds weight decay to the gradient.
  /// - Parameters:
  ///   - lr: the learning rate.
  ///   - betas: the shares of the running means of the gradient and of its square that a step keeps.
  ///   - epsilon: what is added to what a step is divided by.
  ///   - weightDecay: the share of a parameter that is added to its gradient.
  ///   - weightDecayNorm: the same for biases and the parameters of norms; `nil` for `weightDecay`.
  public static func adam(
    lr: Double = 0.001, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0,
    weightDecayNorm: Double? = nil
  ) -> Optimizer {
    Optimizer("adam", adaptive(lr, betas, epsilon, weightDecay, weightDecayNorm))
  }

  /// AdamW (Loshchilov and Hutter, 2019), which takes weight decay from the weights.
  /// - Parameters:
  ///   - lr: the learning rate.
  ///   - betas: the shares of the running means of the gradient and of its square that a step keeps.
  ///   - epsilon: what is added to what a step is divided by.
  ///   - weightDecay: the share of a weight that a step at learning rate 1 takes from it.
  ///   - weightDecayNorm: the same for biases and the parameters of norms; `nil` for `weightDecay`.
  public static func adamw(
    lr: Double = 0.001, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0.01,
    weightDecayNorm: Double? = nil
  ) -> Optimizer {
    Optimizer("adamw", adaptive(lr, betas, epsilon, weightDecay, weightDecayNorm))
  }

  /// RMSProp: g over the root of a running mean of its square.
  /// - Parameters:
  ///   - lr: the learning rate.
  ///   - alpha: the share of the running mean that a step keeps.
  ///   - epsilon: what is added to what a step is divided by.
  ///   - momentum: the share of the velocity that a step keeps; 0: no velocity.
  ///   - centered: whether the square of the running mean gradient is taken off the mean of squares.
  ///   - weightDecay: the share of a parameter that is added to its gradient.
  ///   - weightDecayNorm: the same for biases and the parameters of norms; `nil` for `weightDecay`.
  public static func rmsprop(
    lr: Double = 0.01, alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0, centered: Bool = false,
    weightDecay: Double = 0, weightDecayNorm: Double? = nil
  ) -> Optimizer {
    Optimizer(
      "rmsprop",
      [
        ("lr", lr), ("alpha", alpha), ("epsilon", epsilon), ("momentum", momentum), ("centered", centered),
        ("weight_decay", weightDecay), ("weight_decay_norm", weightDecayNorm),
      ])
  }

  /// LARS (You et al., 2017): momentum with a step of every weight tensor in proportion to its norm.
  /// - Parameters:
  ///   - lr: the learning rate.
  ///   - momentum: the share of the velocity that a step keeps.
  ///   - nesterov: Nesterov's form of momentum.
  ///   - trustCoefficient: a weight tensor's step at learning rate 1, as a share of its norm.
  ///   - epsilon: what is added to what a step is divided by.
  ///   - weightDecay: the share of a parameter that is added to its gradient.
  ///   - weightDecayNorm: the same for biases and the parameters of norms; `nil` for `weightDecay`.
  public static func lars(
    lr: Double = 0.05, momentum: Double = 0.9, nesterov: Bool = false, trustCoefficient: Double = 0.001,
    epsilon: Double = 1e-8, weightDecay: Double = 0, weightDecayNorm: Double? = nil
  ) -> Optimizer {
    Optimizer(
      "lars",
      [
        ("lr", lr), ("momentum", momentum), ("nesterov", nesterov), ("trust_coefficient", trustCoefficient),
        ("epsilon", epsilon), ("weight_decay", weightDecay), ("weight_decay_norm", weightDecayNorm),
      ])
  }

  private static func adaptive(
    _ lr: Double, _ betas: (Double, Double), _ epsilon: Double, _ weightDecay: Double, _ weightDecayNorm: Double?
  ) -> [(String, (any ConfigurationValue)?)] {
    [
      ("lr", lr), ("betas", [betas.0, betas.1]), ("epsilon", epsilon), ("weight_decay", weightDecay),
      ("weight_decay_norm", weightDecayNorm),
    ]
  }
}

extension Optimizer: ConfigurationValue {}

/// How gradients change weights, by the formulas of PyTorch's optimizers of the same names.
///
/// What a rule does not read keeps the value that it has here.
package struct OptimizerConfiguration: Hashable, Sendable {
  package enum Rule: String, Hashable, Sendable, CaseIterable {
    case sgd, adam, adamw, rmsprop, lars

    /// The rules that read momentum as SGD does.
    static let withVelocity: [Rule] = [.sgd, .lars]
  }

  package var rule: Rule
  package var learningRate: Double
  package var momentum: Double
  package var nesterov: Bool
  package var weightDecay: Double
  /// Of all parameters that are not weights: biases, and the factors of norms; `nil` for `weightDecay`.
  package var normWeightDecay: Double?
  /// The shares of the old running means of the gradient and of its square that a step keeps.
  package var betas: [Double] = [0.9, 0.999]
  /// The share of the old running mean of the square that RMSProp keeps.
  package var alpha = 0.99
  package var epsilon = 1e-8
  package var centered = false
  package var trustCoefficient = 0.001

  package init(
    _ rule: Rule = .sgd, learningRate: Double, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0,
    normWeightDecay: Double? = nil
  ) {
    self.rule = rule
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.normWeightDecay = normWeightDecay
  }
}

extension SharedState {
  /// The step with a gradient whose norm over all trained parameters is at most `training.clip_norm`.
  ///
  /// As PyTorch's `clip_grad_norm_`: the mean gradient is multiplied by `clip / (norm + 1e-6)` where that is below 1.
  func clipped(_ step: OptimizerStep) -> OptimizerStep {
    guard let limit = plan.configuration.training.clipNorm, let squares = gradientSquares else { return step }
    let norm = squares.total.squareRoot() / step.divisor
    var clipped = step
    clipped.divisor /= min(1, limit / (norm + 1e-6))
    return clipped
  }
}

/// A step as it is for one rule after the other; norms are computed where the rule changes.
struct RuledStep {
  private let shared: SharedState
  private let step: OptimizerStep
  private var rule = -1
  private var own: OptimizerStep

  init(_ step: OptimizerStep, _ shared: SharedState) {
    self.shared = shared
    self.step = step
    own = step
  }

  /// The step for the parameters of a rule, with the tensor's norms where its rate depends on them.
  @inline(__always)
  mutating func of(_ number: Int) -> OptimizerStep {
    if number != rule {
      rule = number
      own = step(by: shared.plan.updates.rules[number])
    }
    return own
  }

  private func step(by rule: UpdateRule) -> OptimizerStep {
    var own = step
    own.learningRate *= rule.rateScale
    own.decay = rule.decay
    if rule.adapts, let weights = shared.weightSquares, let gradient = shared.gradientSquares {
      own.norms = OptimizerStep.Norms(
        weights: weights.sum(rule.floats).squareRoot(),
        gradient: gradient.sum(rule.floats).squareRoot() / step.divisor)
    }
    return own
  }
}

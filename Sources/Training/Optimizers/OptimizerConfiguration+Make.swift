import Configuration

extension OptimizerConfiguration {
  /// The optimizer that the configuration asks for.
  package func makeOptimizer() -> any Optimizer {
    let sgd = SGD(momentum: Float(momentum), nesterov: nesterov)
    return switch rule {
    case .sgd: sgd
    case .lars: LARS(sgd: sgd, trustCoefficient: trustCoefficient, epsilon: epsilon)
    case .adam, .adamw: Adam(betas: (betas[0], betas[1]), epsilon: epsilon, isDecoupled: rule == .adamw)
    case .rmsprop: RMSProp(alpha: alpha, epsilon: epsilon, momentum: momentum, centered: centered)
    }
  }
}

import KernelInterface
import Runs

/// The gradient over the root of a running mean of its square (Hinton 2012); the formulas are those of `RMSPropArguments`.
///
/// With `centered` the mean of the gradient is taken off, the difference being at least 0 however it is rounded.
package struct RMSProp: Optimizer {
  let alpha: Double
  let epsilon: Double
  let momentum: Double
  let centered: Bool

  package var slots: [StateSlot] {
    [.squareAverage] + (centered ? [.gradientAverage] : []) + (momentum > 0 ? [.momentum] : [])
  }

  package func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable) {
    kernels.rmsprop(
      RMSPropArguments(
        sum: block.sum, weights: block.weights, square: block.slot(0), mean: centered ? block.slot(1) : nil,
        velocity: momentum > 0 ? block.slot(centered ? 2 : 1) : nil, count: block.count, m: Float(step.divisor),
        decay: Float(step.decay), rate: Float(step.learningRate), momentum: Float(momentum), kept: Float(alpha),
        share: Float(1 - alpha), epsilon: Float(epsilon)))
  }
}

import KernelInterface
import Runs

/// Stochastic gradient descent with momentum and weight decay; the formulas are those of `SGDArguments`.
package struct SGD: Optimizer {
  let momentum: Float
  let nesterov: Bool

  package var slots: [StateSlot] { [.momentum] }

  package func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable) {
    kernels.sgd(
      SGDArguments(
        sum: block.sum, weights: block.weights, velocity: block.state, count: block.count, m: Float(step.divisor),
        rate: Float(step.learningRate), momentum: momentum, decay: Float(step.decay), nesterov: nesterov))
  }
}

import KernelInterface
import Runs

/// Running means of the gradient and of its square decide the step (Kingma and Ba 2015); the formulas are those of
/// `AdamArguments`, corrected for means that start at 0.
///
/// Weight decay is part of the gradient, or is taken from the weights beside it (AdamW, Loshchilov and Hutter 2019).
package struct Adam: Optimizer {
  let betas: (first: Double, second: Double)
  let epsilon: Double
  /// Whether it is AdamW.
  let isDecoupled: Bool

  package var slots: [StateSlot] { [.firstMoment, .secondMoment] }

  package func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable) {
    let first = 1 - power(betas.first, step.number)
    let second = 1 - power(betas.second, step.number)
    kernels.adam(
      AdamArguments(
        sum: block.sum, weights: block.weights, first: block.slot(0), second: block.slot(1), count: block.count,
        m: Float(step.divisor), decay: isDecoupled ? 0 : Float(step.decay),
        shrink: isDecoupled ? Float(step.learningRate * step.decay) : 0, rate: Float(step.learningRate / first),
        firstShare: Float(1 - betas.first), secondKept: Float(betas.second), secondShare: Float(1 - betas.second),
        scale: Float(1 / second.squareRoot()), epsilon: Float(epsilon)))
  }
}

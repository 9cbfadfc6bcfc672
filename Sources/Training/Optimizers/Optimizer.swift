import KernelInterface
import Runs

/// How the mean gradient of a batch becomes new weights. A value: what it remembers is in `OptimizerState`.
///
/// A new one needs a file beside this one, its slots in `StateSlot.known`, and its configuration in `makeOptimizer`.
package protocol Optimizer: Sendable {
  /// What is kept from step to step, one float per float of a trained parameter each.
  var slots: [StateSlot] { get }
  /// Whether the rate of a weight tensor depends on norms, which `OptimizerStep.norms` then has.
  var readsNorms: Bool { get }

  /// Updates weights and state of one block; every float on its own, so blocks may be cut anywhere at multiples of 32.
  func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable)
}

extension Optimizer {
  package var readsNorms: Bool { false }
}

/// What an optimizer may depend on in addition to the numbers themselves.
package struct OptimizerStep: Sendable, Hashable {
  /// Of a parameter tensor: its own, and that of its gradient as it is applied.
  package struct Norms: Sendable, Hashable {
    package var weights: Double
    package var gradient: Double

    package init(weights: Double, gradient: Double) {
      self.weights = weights
      self.gradient = gradient
    }
  }

  /// From 1, since the start of training.
  package var number: Int
  /// What sums are divided by: the examples in the batch, or more where the gradient is clipped.
  package var divisor: Double
  package var learningRate: Double
  /// The share of a weight that is added to its gradient.
  package var decay: Double
  /// Of the tensor that the block belongs to, where the optimizer reads them and the tensor's rate depends on them.
  package var norms: Norms?

  package init(number: Int, divisor: Double, learningRate: Double, decay: Double = 0, norms: Norms? = nil) {
    self.number = number
    self.divisor = divisor
    self.learningRate = learningRate
    self.decay = decay
    self.norms = norms
  }
}

/// Neighbouring floats of the flat parameter buffer.
package struct OptimizerBlock {
  /// The gradient, summed over the batch.
  package var sum: UnsafePointer<Float>
  package var weights: UnsafeMutablePointer<Float>
  /// The first slot's floats; those of slot i lie `i · slotStride` after them.
  package var state: UnsafeMutablePointer<Float>
  package var slotStride: Int
  /// A multiple of 32.
  package var count: Int

  package init(
    sum: UnsafePointer<Float>, weights: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    slotStride: Int, count: Int
  ) {
    self.sum = sum
    self.weights = weights
    self.state = state
    self.slotStride = slotStride
    self.count = count
  }

  /// The floats of a slot.
  package func slot(_ index: Int) -> UnsafeMutablePointer<Float> { state + index * slotStride }

  /// The same with some of its floats alone.
  func part(_ range: Range<Int>) -> OptimizerBlock {
    OptimizerBlock(
      sum: sum + range.lowerBound, weights: weights + range.lowerBound, state: state + range.lowerBound,
      slotStride: slotStride, count: range.count)
  }
}

import KernelInterface
import Runs

/// How the mean gradient of a batch becomes new weights. A value: what it remembers is in `OptimizerState`.
///
/// A new one needs a file beside this one, its slots in `StateSlot.known`, and its configuration in `makeOptimizer`.
package protocol Optimizer: Sendable {
  /// What is kept from step to step, one float per float of a trained parameter each.
  var slots: [StateSlot] { get }

  /// Updates weights and state of one block; every float on its own, so blocks may be cut anywhere at multiples of 32.
  func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable)
}

/// What an optimizer may depend on in addition to the numbers themselves.
package struct OptimizerStep: Sendable, Hashable {
  /// From 1, since the start of training.
  package var number: Int
  /// Examples in the batch, by which sums are divided.
  package var examples: Int
  package var learningRate: Double

  package init(number: Int, examples: Int, learningRate: Double) {
    self.number = number
    self.examples = examples
    self.learningRate = learningRate
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
}

import KernelInterface
import Runs

/// SGD whose gradient of a weight tensor, decay included, is scaled to a share of the tensor's norm (You et al. 2017):
///
/// `λ = trust · ‖w‖ / (‖g‖ + weight_decay · ‖w‖ + ε)`; `v ← momentum·v + λ·(g + weight_decay·w)`; `w ← w − lr·v`.
///
/// λ is 1 for a tensor with ‖w‖ or ‖g‖ of 0, and for biases and the factors of norms.
package struct LARS: Optimizer {
  let sgd: SGD
  let trustCoefficient: Double
  let epsilon: Double

  package var slots: [StateSlot] { sgd.slots }
  package var readsNorms: Bool { true }

  package func update(_ block: OptimizerBlock, at step: OptimizerStep, _ kernels: KernelTable) {
    let trust = step.norms.map { ratio($0, decay: step.decay) } ?? 1
    var scaled = step
    scaled.divisor /= trust
    scaled.decay *= trust
    sgd.update(block, at: scaled, kernels)
  }

  private func ratio(_ norms: OptimizerStep.Norms, decay: Double) -> Double {
    guard norms.weights != 0, norms.gradient != 0 else { return 1 }
    return trustCoefficient * norms.weights / (norms.gradient + decay * norms.weights + epsilon)
  }
}

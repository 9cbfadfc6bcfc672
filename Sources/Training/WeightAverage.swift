import Configuration
import Diagnostics
import KernelInterface
import Machine

/// The running mean of all parameters, running statistics too: `mean ← mean + (1 − decay) · (weights − mean)`.
///
/// As in PyTorch's `AveragedModel`, the first update takes the weights as they are; before it, the mean is the initial weights.
/// `@unchecked Sendable`: in the update, and in an exchange, every float is written by the worker that looks after it.
final class WeightAverage: @unchecked Sendable {
  let floats: UnsafeMutablePointer<Float>
  private let rule: TrainingConfiguration.WeightAverage
  private let count: Int
  private let buffer: NodeBuffer

  init(_ rule: TrainingConfiguration.WeightAverage, _ memory: RunMemory) throws(UserError) {
    self.rule = rule
    count = memory.parameterFloats
    buffer = try NodeBuffer(
      byteCount: memory.averageBytes, hugePages: memory.hugePages, purpose: "the average of the weights")
    floats = buffer.pointer.bindMemory(to: Float.self, capacity: count)
  }

  /// Before the first step.
  func start(from weights: UnsafePointer<Float>) { floats.update(from: weights, count: count) }

  /// - Parameter stepsDone: with the one whose update has just been.
  func update(_ part: Range<Int>, from weights: UnsafePointer<Float>, stepsDone: Int, _ kernels: KernelTable) {
    guard stepsDone % rule.everySteps == 0 else { return }
    let (mean, new) = (floats + part.lowerBound, weights + part.lowerBound)
    if stepsDone == rule.everySteps {
      mean.update(from: new, count: part.count)
    } else {
      kernels.blend(new, mean, Float(1 - rule.decay), part.count)
    }
  }

  func exchange(_ part: Range<Int>, with weights: UnsafeMutablePointer<Float>) {
    for i in part { swap(&floats[i], &weights[i]) }
  }
}

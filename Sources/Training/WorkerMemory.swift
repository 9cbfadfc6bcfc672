import Diagnostics
import Machine

/// One worker's own memory.
struct WorkerMemory: ~Copyable {
  let activations: NodeBuffer
  /// Partial sums by tree node, then one buffer per tree level above the run.
  let gradients: NodeBuffer

  init(_ memory: RunMemory, worker: Int, node: Int?) throws(UserError) {
    let activations = try NodeBuffer(
      byteCount: memory.activationBytes, node: node, hugePages: memory.hugePages,
      purpose: "the activations of worker \(worker)")
    let gradients = try NodeBuffer(
      byteCount: memory.gradientBytes, node: node, hugePages: memory.hugePages,
      purpose: "the gradients of worker \(worker)")
    self.activations = activations
    self.gradients = gradients
  }

  var placementRefused: Bool { activations.placementRefused || gradients.placementRefused }
}

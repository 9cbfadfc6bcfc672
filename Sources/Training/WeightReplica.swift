import Diagnostics
import Machine
import Network

/// One memory node's copy of what all of its workers read: the weights, and what is computed from them once per step.
///
/// `@unchecked Sendable`: between two barriers every float has one writer; see `SharedState`.
final class WeightReplica: @unchecked Sendable {
  let weights: UnsafeMutablePointer<Float>
  let prepared: UnsafeMutablePointer<Float>
  private let memory: NodeBuffer

  init(_ plan: RunPlan, node: Int?) throws(UserError) {
    memory = try NodeBuffer(
      byteCount: Self.byteCount(plan), node: node, hugePages: plan.configuration.runtime.memory.hugePages,
      purpose: "weights")
    let count = plan.network.parameters.packedCount
    weights = memory.pointer.bindMemory(to: Float.self, capacity: count + plan.network.preparedCount)
    prepared = weights + count
  }

  static func byteCount(_ plan: RunPlan) -> Int {
    (plan.network.parameters.packedCount + roundUp(plan.network.preparedCount, to: 32)) * MemoryLayout<Float>.stride
  }

  var bytes: UnsafeRawBufferPointer { memory.bytes }
  var placementRefused: Bool { memory.placementRefused }
}

/// One worker's own memory.
struct WorkerMemory: ~Copyable {
  let activations: NodeBuffer
  /// Partial sums by tree node, then one buffer per tree level above the chunk.
  let gradients: NodeBuffer

  init(_ plan: RunPlan, worker: Int, node: Int?) throws(UserError) {
    let hugePages = plan.configuration.runtime.memory.hugePages
    let activations = try NodeBuffer(
      byteCount: Self.activationBytes(plan), node: node, hugePages: hugePages,
      purpose: "the activations of worker \(worker)")
    let gradients = try NodeBuffer(
      byteCount: Self.gradientBytes(plan), node: node, hugePages: hugePages,
      purpose: "the gradients of worker \(worker)")
    self.activations = activations
    self.gradients = gradients
  }

  static func activationBytes(_ plan: RunPlan) -> Int { Workspace.byteCount(plan.network) }

  static func gradientBytes(_ plan: RunPlan) -> Int {
    (plan.gradientSlots + plan.treeLevels) * plan.network.parameters.packedCount * MemoryLayout<Float>.stride
  }

  var placementRefused: Bool { activations.placementRefused || gradients.placementRefused }
}

/// A part of `bytes`, in units of whole bytes, for one of several who share it.
func part(_ index: Int, of parts: Int, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(rebasing: bytes[bytes.count * index / parts..<bytes.count * (index + 1) / parts])
}

import Diagnostics
import Machine

/// One memory node's copy of what all of its workers read: the weights, and what is computed from them once per step.
///
/// `@unchecked Sendable`: between two barriers every float has one writer; see `SharedState`.
final class WeightReplica: @unchecked Sendable {
  let weights: UnsafeMutablePointer<Float>
  let prepared: UnsafeMutablePointer<Float>
  private let buffer: NodeBuffer

  init(_ memory: RunMemory, node: Int?) throws(UserError) {
    buffer = try NodeBuffer(
      byteCount: memory.replicaBytes, node: node, hugePages: memory.hugePages, purpose: "weights")
    weights = buffer.pointer.bindMemory(to: Float.self, capacity: memory.parameterFloats + memory.preparedFloats)
    prepared = weights + memory.parameterFloats
  }

  var bytes: UnsafeRawBufferPointer { buffer.bytes }
  var placementRefused: Bool { buffer.placementRefused }
}

import Diagnostics
import Machine
import Runs

/// The memory of an optimizer's slots, shared by all workers; each group's segments lie on its node.
///
/// `@unchecked Sendable`: in the update every float is written by the worker in whose segment it lies.
final class OptimizerState: @unchecked Sendable {
  let slots: [StateSlot]
  /// Floats from one slot to the next.
  let stride: Int
  /// How many ranges of memory the system refused to place.
  private(set) var placementRefusals = 0
  private let buffer: NodeBuffer
  private let floats: UnsafeMutablePointer<Float>

  /// - Parameter places: segments of the buffer, and the node that each is to lie on.
  init(_ memory: RunMemory, places: [(segment: Range<Int>, node: Int?)]) throws(UserError) {
    slots = memory.stateSlots
    stride = memory.stateStride
    buffer = try NodeBuffer(
      byteCount: memory.optimizerBytes, hugePages: memory.hugePages, purpose: "the optimizer's state")
    floats = buffer.pointer.bindMemory(to: Float.self, capacity: memory.optimizerBytes / MemoryLayout<Float>.stride)
    for (segment, node) in places {
      guard let node else { continue }
      placementRefusals += bytes(segment).count { !MemoryPolicy.prefer(node: node, $0) }
    }
  }

  /// The floats of one slot.
  func slot(_ index: Int) -> UnsafeMutablePointer<Float> { floats + index * stride }

  /// The memory of a segment, a stretch per slot.
  func bytes(_ segment: Range<Int>) -> [UnsafeRawBufferPointer] {
    slots.indices.map {
      UnsafeRawBufferPointer(UnsafeBufferPointer(start: slot($0) + segment.lowerBound, count: segment.count))
    }
  }
}

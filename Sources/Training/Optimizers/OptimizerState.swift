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
  /// By bucket, where the state of the first parameter would be.
  private let floats: [UnsafeMutablePointer<Float>]

  /// - Parameters:
  ///   - buckets: of whose own floats there is a state, as many as `memory` says.
  ///   - groups: on whose nodes the segments of their workers are to lie.
  init(_ memory: RunMemory, _ buckets: [Bucket], _ groups: [Placement.Group]) throws(UserError) {
    slots = memory.stateSlots
    stride = memory.stateStride
    buffer = try NodeBuffer(
      byteCount: memory.optimizerBytes, hugePages: memory.hugePages, purpose: "the optimizer's state")
    let first = buffer.pointer.bindMemory(
      to: Float.self, capacity: memory.optimizerBytes / MemoryLayout<Float>.stride)
    floats = zip(buckets, memory.stateStarts).map { first + $1 - $0.own.lowerBound }
    for (index, bucket) in buckets.enumerated() {
      for group in groups {
        guard let node = group.memoryNode else { continue }
        placementRefusals += bytes(bucket.segment(of: group.workers), bucket: index)
          .count { !MemoryPolicy.prefer(node: node, $0) }
      }
    }
  }

  /// The floats of one slot, by those of the parameters of a bucket.
  func slot(_ index: Int, bucket: Int = 0) -> UnsafeMutablePointer<Float> { floats[bucket] + index * stride }

  /// The memory of a segment of a bucket, a stretch per slot.
  func bytes(_ segment: Range<Int>, bucket: Int) -> [UnsafeRawBufferPointer] {
    slots.indices.map {
      UnsafeRawBufferPointer(
        UnsafeBufferPointer(start: slot($0, bucket: bucket) + segment.lowerBound, count: segment.count))
    }
  }
}

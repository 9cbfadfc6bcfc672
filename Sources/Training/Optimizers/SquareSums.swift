import KernelInterface
import Network
import Summation

/// Sums of squares of the trained parameters or their gradient, from which norms follow.
///
/// The leaves are those of `KernelTable.squareSums`, 32 floats each; a parameter's are added in the shard tree over their
/// number, left plus right, and parameters in the table's order. Nothing depends on workers or their segments.
///
/// `@unchecked Sendable`: between two barriers each leaf is written by the worker in whose segment its floats lie; others
/// read after the next barrier.
final class SquareSums: @unchecked Sendable {
  private let leaves: UnsafeMutablePointer<Double>
  /// How many floats of a leaf hold elements; padding counts for nothing.
  private let elements: UnsafeMutablePointer<UInt8>
  private let parameters: [Range<Int>]

  init(_ table: ParameterTable) {
    let count = table.trainedCount / 32
    leaves = .allocate(capacity: max(count, 1))
    leaves.initialize(repeating: 0, count: max(count, 1))
    elements = .allocate(capacity: max(count, 1))
    elements.initialize(repeating: 0, count: max(count, 1))
    let trained = table.parameters.filter(\.isTrained)
    parameters = trained.map { $0.offset / 32..<($0.offset + $0.packedCount) / 32 }
    for (parameter, range) in zip(trained, parameters) {
      for leaf in range { elements[leaf] = UInt8(parameter.elements(ofLeaf: leaf - range.lowerBound)) }
    }
  }

  deinit {
    leaves.deallocate()
    elements.deallocate()
  }

  /// Takes the squares of a block of the flat buffer, whose first float is at `values`.
  func set(_ block: Range<Int>, _ values: UnsafePointer<Float>, _ kernels: KernelTable) {
    let range = block.lowerBound / 32..<block.upperBound / 32
    var leaf = range.lowerBound
    while leaf < range.upperBound {
      let first = leaf
      while leaf < range.upperBound, elements[leaf] == 32 { leaf += 1 }
      kernels.squareSums(values + 32 * (first - range.lowerBound), leaves + first, 32 * (leaf - first))
      guard leaf < range.upperBound else { return }
      setPart(leaf, values + 32 * (leaf - range.lowerBound), kernels)
      leaf += 1
    }
  }

  /// A leaf with padding.
  private func setPart(_ leaf: Int, _ values: UnsafePointer<Float>, _ kernels: KernelTable) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { whole in
      for lane in 0..<32 { whole.initializeElement(at: lane, to: lane < elements[leaf] ? values[lane] : 0) }
      guard let start = whole.baseAddress else { return }
      kernels.squareSums(start, leaves + leaf, 32)
    }
  }

  /// The leaves of a segment of the parameters, for other ranks.
  func bytes(_ segment: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      UnsafeMutableBufferPointer(start: leaves + segment.lowerBound / 32, count: segment.count / 32))
  }

  /// The sum over the floats of one parameter.
  func sum(_ floats: Range<Int>) -> Double {
    let first = floats.lowerBound / 32
    return ShardTree.sum(floats.count / 32) { leaves[first + $0] }
  }

  /// The sum over all trained parameters.
  var total: Double {
    var total = 0.0
    for leaves in parameters { total += ShardTree.sum(leaves.count) { self.leaves[leaves.lowerBound + $0] } }
    return total
  }
}

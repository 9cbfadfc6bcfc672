import Diagnostics
import KernelInterface

/// A network ready to run: stages with their geometry, memory layouts and the parameter table. Immutable.
///
/// - `maps[i]` is the layout of stage i's input, `maps[i + 1]` of its output.
/// - `gradients[i]` is the layout of the gradient of map i: `dZ` where a ReLU is fused into the stage that made it.
package final class NetworkPlan: Sendable {
  package let model: ModelSpecification
  package let parameters: ParameterTable
  package let classes: Int
  /// How many images a workspace holds.
  package let capacity: ImageCapacity
  /// How much the passes take at a time.
  package let sizes: BlockSizes
  /// Whether the gradient of the images themselves is computed (for gradient checks).
  package let computesInputGradient: Bool
  /// Floats of the prepared (transposed) weights.
  package let preparedCount: Int
  package let maps: [MapLayout]
  package let gradients: [MapLayout]
  let stages: [Stage]
  /// The stages before the first dense one, computed block by block; the others are computed chunk by chunk.
  let frontCount: Int
  /// Images that each stage of the front takes at a time; never falls.
  let blocks: [Int]

  /// - Throws: `UserError(.badConfiguration)` where layers do not fit together; the subject names the layer.
  package init(
    _ model: ModelSpecification, capacity: ImageCapacity, sizes: BlockSizes = BlockSizes(),
    computesInputGradient: Bool = false
  ) throws {
    var builder = try NetworkBuilder(
      model, capacity: capacity, sizes: sizes, computesInputGradient: computesInputGradient)
    try builder.addLayers()
    try builder.finish()
    self.model = model
    self.capacity = capacity
    self.sizes = sizes
    self.computesInputGradient = computesInputGradient
    parameters = builder.parameters
    classes = builder.classes
    preparedCount = builder.preparedCount
    maps = builder.maps
    gradients = builder.gradients
    stages = builder.stages
    frontCount = builder.frontCount
    blocks = builder.blocks
  }

  /// Floats of the front's parameters, which come first in the flat buffer.
  var frontParameterCount: Int {
    let back = stages[frontCount...].lazy.compactMap(\.weight).first
    return back.map { parameters.parameters[$0].offset } ?? parameters.packedCount
  }

  /// Flat buffers of the front's parameters that the tree inside a run needs: right sides of several shards.
  var frontLevels: Int { max(0, capacity.treeLevels - 1) }

  /// Floats of a shard's sum that is added when it is whole; Winograd's weight gradients are added as they are written.
  func shardSumFloats(_ parameter: Int) -> Int {
    let isSummed = stages.prefix(frontCount).contains { stage in
      guard case .convolution(let s) = stage else { return false }
      return parameter == s.bias || parameter == s.weight && s.winograd == nil
    }
    return isSummed && capacity.treeLevels > 0 ? packedCount(parameter) : 0
  }

  /// Floats that the tree over shards needs per level behind the front: what a stage sums at a time.
  var treeLevelFloats: Int {
    stages[frontCount...].map { stage in
      switch stage {
      case .convolution(let s): packedCount(s.weight) + packedCount(s.bias)
      case .dense(let s): max(min(packedCount(s.weight), sizes.denseRows * 32), packedCount(s.bias))
      case .pool, .relu, .softmax: 0
      }
    }.max() ?? 0
  }

  func packedCount(_ parameter: Int) -> Int { parameters.parameters[parameter].packedCount }
}

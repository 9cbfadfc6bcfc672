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
  /// Examples a workspace holds at most.
  package let maximumExamples: Int
  /// Whether the gradient of the images themselves is computed (for gradient checks).
  package let computesInputGradient: Bool
  /// Floats of the prepared (transposed) weights.
  package let preparedCount: Int
  package let maps: [MapLayout]
  package let gradients: [MapLayout]
  let stages: [Stage]

  /// - Throws: `UserError(.badConfiguration)` where layers do not fit together; the subject names the layer.
  package init(_ model: ModelSpecification, maximumExamples: Int, computesInputGradient: Bool = false) throws {
    var builder = try NetworkBuilder(
      model, maximumExamples: maximumExamples, computesInputGradient: computesInputGradient)
    try builder.addLayers()
    try builder.finish()
    self.model = model
    self.maximumExamples = maximumExamples
    self.computesInputGradient = computesInputGradient
    parameters = builder.parameters
    classes = builder.classes
    preparedCount = builder.preparedCount
    maps = builder.maps
    gradients = builder.gradients
    stages = builder.stages
  }

  /// The largest weight, in floats: what the tree over shards needs per level.
  var largestParameter: Int { parameters.parameters.map(\.packedCount).max() ?? 0 }
}

import Diagnostics
import KernelInterface

/// A network ready to run: layers at work, memory layouts, the parameter table and the schedule. Immutable.
///
/// A ReLU that another layer applies and a `flatten` are not layers at work: the values before and after them share memory.
/// `maps[v]` is the layout of value v, the images being 0 and layer l at work writing value l + 1; `gradients[v]` that of
/// its gradient: `dZ` where a ReLU is applied in the layer that made it. Gradients after those of the values are what a
/// layer computes before it is added, see `LayerWork.Input`.
package final class NetworkPlan: Sendable {
  package let graph: ModelGraph
  package let parameters: ParameterTable
  /// How many images a workspace holds.
  package let capacity: ImageCapacity
  /// How much the passes take at a time.
  package let sizes: BlockSizes
  /// Whether the gradient of the images themselves is computed (for gradient checks).
  package let computesInputGradient: Bool
  /// Floats of what layers compute from the weights once per step.
  package let preparedCount: Int
  package let maps: [MapLayout]
  package let gradients: [MapLayout]
  /// Where they lie in a worker's memory.
  let places: MapPlaces
  /// Whether any layer needs the gradient.
  let storesGradient: [Bool]
  package let layers: [any Layer]
  /// What the passes know about each layer.
  let work: [LayerWork]
  package let schedule: Schedule
  /// The layers before the first that takes chunks, computed block by block; the others are computed chunk by chunk.
  package let frontCount: Int
  /// Floats of the front's parameters, which come first in the flat buffer.
  package let frontParameterCount: Int
  /// The front's layers by segment of the backward pass.
  let frontSegments: [FrontSegment]
  /// The layer of each of the schedule's sums.
  let meetingLayers: [any MeetingLayer]
  /// The first layer whose backward pass computes anything.
  let firstBackward: Int
  /// By segment, see `MapsAhead`; none without meetings.
  let mapsAhead: (forward: [MapsAhead.Segment], backward: [MapsAhead.Segment])

  /// - Throws: `UserError(.badConfiguration)` if layers do not fit together; the subject names the layer.
  package convenience init(
    _ model: ModelSpecification, capacity: ImageCapacity, sizes: BlockSizes = BlockSizes(),
    computesInputGradient: Bool = false
  ) throws(UserError) {
    try self.init(
      ModelGraph(model), capacity: capacity, sizes: sizes, computesInputGradient: computesInputGradient)
  }

  /// - Throws: `UserError(.badConfiguration)` if the images do not fit the kernels.
  package init(
    _ graph: ModelGraph, capacity: ImageCapacity, sizes: BlockSizes = BlockSizes(), computesInputGradient: Bool = false
  ) throws(UserError) {
    var layout = try NetworkLayout(
      graph, capacity: capacity, sizes: sizes, computesInputGradient: computesInputGradient)
    try layout.placeLayers()
    self.graph = graph
    self.capacity = capacity
    self.sizes = sizes
    self.computesInputGradient = computesInputGradient
    parameters = layout.parameters
    preparedCount = layout.preparedCount
    maps = layout.maps
    gradients = layout.gradients
    places = MapPlaces(
      maps: layout.maps, layout.mapLives, gradients: layout.gradients, layout.gradientLives,
      sharedBy: layout.gradientRoots, layout.schedule, capacity)
    storesGradient = layout.storesGradient
    layers = layout.layers
    work = layout.work
    schedule = layout.schedule
    frontCount = layout.frontCount
    frontParameterCount = layout.frontParameterCount
    frontSegments = layout.frontSegments
    meetingLayers = schedule.sums.map { sums in
      guard let layer = layout.layers[sums.layer] as? any MeetingLayer else {
        fatalError("Layer \(layout.work[sums.layer].name) has a meeting, but sums nothing for it.")
      }
      return layer
    }
    firstBackward = work.firstIndex(where: \.hasBackward) ?? work.count
    mapsAhead = Self.mapsAhead(layout, places)
  }

  /// - Parameter examples: of a batch.
  /// - Throws: `UserError(.badConfiguration)` if a layer sums over the batch, or over a group of it, and they are too few.
  package func requireBatch(of examples: Int) throws(UserError) {
    for (sums, layer) in zip(schedule.sums, meetingLayers) {
      let group = sums.groupShards.map { $0 * capacity.shard } ?? examples
      let smallest = examples.isMultiple(of: group) ? group : examples % group
      guard smallest < layer.leastBatch else { continue }
      let isGroup = sums.groupShards != nil
      throw graph.failure(
        work[sums.layer].number,
        "\(isGroup ? "a group" : "a batch") of \(smallest) example gives it one value per channel, which has no variance; "
          + "allowed: at least \(layer.leastBatch) examples in every \(isGroup ? "group" : "batch")",
        hint:
          "choose training.batch_size so that the last \(isGroup ? "group of a batch" : "batch of an epoch") is larger, too"
      )
    }
  }

  package var model: ModelSpecification { graph.model }
  package var classes: Int { graph.classes }
  /// Of a layer at work.
  package func name(ofLayer layer: Int) -> String { work[layer].name }

  /// Computes part `part` of `parts` of what layers read instead of their weights, after each update; any number of
  /// workers can share the work. `scratch` is the caller's workspace.
  ///
  /// - Parameter range: the layers; `nil` for all of them.
  package func prepareWeights(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: Workspace, part: Int,
    of parts: Int, kernels: KernelTable, layers range: Range<Int>? = nil
  ) {
    for layer in layers[range ?? layers.indices] {
      layer.prepare(weights, into: prepared, scratch: scratch.scratch, part: part, of: parts, kernels)
    }
  }
}

/// Layers of the front whose backward passes belong to one segment.
struct FrontSegment: Sendable {
  var layers: Range<Int>
  /// Where the gradients of their parameters lie in the flat buffer, ascending.
  var floats: [Range<Int>]
}

/// What the passes know about a layer at work.
struct LayerWork: Sendable {
  struct Input: Sendable {
    /// Whether the gradient of the input is computed.
    var needsGradient: Bool
    /// Where the input's gradient lies, and what the layer writes: another buffer where other consumers, which come later
    /// in the net, have written the gradient before, to which this one is then added.
    var gradient: Int
    var written: Int
    var adds: Bool { gradient != written }
    /// Whether the layer adds the gradient itself to what is there.
    var addsInPlace = false
    /// Whether it lies where the gradient of the layer's output does, and so is there already.
    var isPassedOn = false
    var isComputed: Bool { needsGradient && !isPassedOn }
  }
  var name: String
  /// Number in the model.
  var number: Int
  var inputs: [Input]
  /// Numbers in the parameter table.
  var parameters: Range<Int>
  /// The layer whose output it reads, which is not kept for its backward pass: that layer computes it again, block by block.
  var recomputes: Int?
  /// Whether its parameters have gradients.
  var isTrained: Bool
  /// Images it takes at a time, where it takes blocks; never falls from layer to layer.
  var block: Int

  /// Whether its backward pass computes anything.
  var hasBackward: Bool { isTrained || inputs.contains(where: \.isComputed) }
}

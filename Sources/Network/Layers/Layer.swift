import KernelInterface

/// A layer at work: immutable, with everything that follows from its place in a network worked out in advance.
///
/// All passes take slices of the worker's images; see `ImageSlice`. A layer writes only its declared outputs; images
/// depend on each other only through sums over a shard.
package protocol Layer: AnyObject, Sendable {
  /// What it takes of every worker's memory.
  var memory: LayerMemory { get }
  /// What benchmarks call the way it is computed: `direct`, `winograd`, `grouped`, `depthwise`, `gemm`, `elementwise`.
  var algorithm: String { get }

  /// Computes part `part` of `parts` of what it reads instead of its weights, after each update; any worker computes any part.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable)

  /// Computes the output of a slice.
  func forward(_ pass: borrowing Pass, _ slice: ImageSlice)

  /// Sums the gradients of its parameters over a slice: of layers that take chunks over a whole run, each shard's sum in
  /// the tree over shards; of others over a block of a shard, whose first block starts the sums and whose last ends them.
  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget)

  /// Computes the gradient of its input number `input` from that of its output.
  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of input: Int)
}

/// Layers without weights have nothing to prepare.
extension Layer {
  package func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {}
}

/// A layer of which every example depends on all others of the batch: its passes begin with a meeting of all workers.
///
/// Before its forward pass, and again before its backward pass, each shard's sums are stored, all workers meet, and each
/// worker adds the sums of all shards in the tree over shards; see `Schedule`. Sums are in Double. An inference has no
/// meetings. Where examples depend on those of a group alone, a worker has whole groups, and adds their sums without meeting.
package protocol MeetingLayer: Layer {
  /// Writes the sums of the layer's inputs over a slice of a shard, going on from those of the shard's slices before it.
  func sumInputs(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>)
  /// The same of the gradient of the layer's output.
  func sumGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>)
  /// Works out what it keeps of the batch, or of the group, once `Pass.inputTotals`, and `Pass.gradientTotals`, are there.
  func inputsSummed(_ pass: borrowing Pass)
  func gradientsSummed(_ pass: borrowing Pass)
  /// The fewest examples of a batch, or of a group, over which its sums mean anything.
  var leastBatch: Int { get }
  /// Brings its running statistics up to date where groups do not meet: from the sums of all groups' inputs.
  func updateStatistics(_ statistics: UnsafeMutablePointer<Float>, _ groups: GroupSums)
}

extension MeetingLayer {
  package func updateStatistics(_ statistics: UnsafeMutablePointer<Float>, _ groups: GroupSums) {}
}

/// The type of a `MeetingLayer`.
package protocol MeetingLayerType: LayerType {
  /// How many sums a shard stores before the forward, and before the backward pass.
  func meetingSums(_ inputs: [ValueShape]) -> (forward: Int, backward: Int)
  /// Of how many consecutive examples of a batch each depends on the others, the last group being as large as is left; `nil`
  /// for all.
  var groupExamples: Int? { get }
}

extension MeetingLayerType {
  package var groupExamples: Int? { nil }
}

/// Where a node of the shard tree leaves its gradients.
package struct GradientTarget {
  /// The flat buffer of the trained parameters.
  package var flat: UnsafeMutablePointer<Float>
  /// Whether they are added to what is there.
  package var addsShard = false
}

/// What is known about a layer's surroundings before memory is laid out.
package struct LayerSite {
  package var name: String
  package var inputs: [ImageShape]
  package var output: ImageShape
  /// The maps, still without halos.
  package var inputMaps: [MapLayout]
  package var outputMap: MapLayout
  package var sizes: BlockSizes
  package var needsInputGradient: Bool
}

/// What a layer asks of the memory around it.
package struct LayerDemands {
  /// Zeros around its input, and around the gradient of its output.
  package var inputHalo = Halo()
  package var gradientHalo = Halo()
  /// Images that make a call worthwhile.
  package var imagesPerBlock = 1
  /// Whether it can add the gradient of its input to what lies there, and mask the sum.
  package var addsInputGradient = false

  package init() {}
}

/// What a layer takes of every worker's memory.
package struct LayerMemory {
  /// Floats of what is computed from the weights once per step; shared by a node's workers.
  package var prepared = 0
  /// Floats that one pass uses for itself.
  package var scratch = 0
  /// Floats that stay from block to block of a shard, or for the rest of a step.
  package var kept = 0
  /// Words per image that stay from the forward to the backward pass.
  package var maskPerImage = 0
  /// Parameters, by their number in the table, whose sum over a shard is added to others when it is whole.
  package var shardSums: [Int] = []
  /// Floats that the tree over shards adds at a time, for layers that take chunks.
  package var treeFloats = 0

  package init() {}
}

/// A feature map, or flat values, with its memory: where it lies, and where its gradient lies.
package struct PlacedValue: Sendable {
  package var shape: ImageShape
  package var map: MapLayout
  package var gradient: MapLayout
  /// Numbers of the buffers in the workspace.
  package var mapIndex: Int
  package var gradientIndex: Int
  /// The ReLU that masks the gradient, which is that of what a layer computed before applying it.
  package var relu: FusedReLU?
}

/// A parameter with its number in the table.
package struct PlacedParameter: Sendable {
  package var index: Int
  package var parameter: Parameter

  package var offset: Int { parameter.offset }
}

/// A layer's place in a network.
package struct LayerPlace {
  package var name: String
  /// Its number among the layers at work, which masks and kept sums go by.
  package var index: Int
  /// Its number in the model.
  package var number: Int
  package var inputs: [PlacedValue]
  package var output: PlacedValue
  package var parameters: [PlacedParameter]
  /// The ReLU that it applies to its output.
  package var relu: FusedReLU?
  /// By input.
  package var needsInputGradient: [Bool]
  /// By input, whether its gradient is added to what lies there, which a layer's demands have to allow.
  package var addsInputGradient: [Bool]
  /// Where its prepared weights start.
  package var preparedOffset: Int
  /// Images it takes at a time, where it takes blocks.
  package var block: Int
  package var capacity: ImageCapacity
  package var sizes: BlockSizes
  /// The number of its sums in the schedule, of a `MeetingLayer`.
  package var sums: Int?

  /// The only input of a layer with one.
  package var input: PlacedValue { inputs[0] }
}

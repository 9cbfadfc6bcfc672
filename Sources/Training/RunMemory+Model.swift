import Diagnostics
import Machine
import Network
import Runs

extension RunMemory {
  /// Refuses a network that one worker alone could not hold, before anything is laid out for it.
  ///
  /// Counts less than a run will take: every weight with its state and gradient, the outputs in blocks of 32, the feature
  /// maps of one shard, and what is tabulated per pixel. In floating point, so that no size overflows.
  /// - Throws: `UserError(.systemRefused)` with the sum.
  static func requireFits(
    _ graph: ModelGraph, shardSize: Int, stateSlots: [StateSlot], _ available: AvailableMemory?
  ) throws(UserError) {
    guard let available else { return }
    let shapes = graph.values.map(\.shape.image)
    let weights: Double = graph.layers.flatMap(graph.parameters).reduce(0) { $0 + $1.packedFloats }
    let layers = graph.layers.indices.filter(graph.isAtWork)
    let maps = layers.reduce(Double(graph.model.input.elementCount) * Double(shardSize)) { sum, layer in
      let value = graph.layers[layer].output
      let output = graph.values[value].shape.image
      // The input of a layer that keeps something else for its backward pass may be kept for fewer images than a shard has.
      let isForgotten: Bool = graph.readers(of: value).allSatisfy {
        graph.layers[$0].kind.traits.contains(.forgetsInput)
      }
      return sum + Double(output.height * output.width) * Double(roundUp(output.channels, to: 16))
        * Double(isForgotten ? 1 : shardSize)
    }
    let pixels: Double = shapes.reduce(0) { $0 + Double($1.height) * Double($1.width) }
    let copies = 2 + stateSlots.count
    let bytes = Double(copies) * 4 * weights + 4 * maps + 32 * pixels
    guard bytes > Double(available.bytes) else { return }
    func size(_ bytes: Double) -> String { "\(Int((bytes / 1_048_576).rounded(.up))) MiB" }
    throw UserError(
      .systemRefused, "memory",
      "a worker needs more than \(size(bytes)), but \(size(Double(available.bytes))) are available "
        + "(\(available.source)): \(copies) × \(size(4 * weights)) \(list(stateSlots)) and gradients + "
        + "\(size(4 * maps)) feature maps of a shard + \(size(32 * pixels)) tables",
      hint: "use a smaller runtime.shard_size or network")
  }
}

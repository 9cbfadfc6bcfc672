import Diagnostics
import Machine
import Network

extension MemoryNeeds {
  /// Refuses a network that one worker alone could not hold, before anything is laid out for it.
  ///
  /// Counts less than a run will take: every weight three times (itself, momentum, gradient), the feature maps of one shard,
  /// and what is tabulated per pixel. In floating point, so that no size overflows.
  /// - Throws: `UserError(.systemRefused)` with the sum.
  static func requireFits(
    _ model: ModelSpecification, shardSize: Int, _ available: AvailableMemory?
  ) throws(UserError) {
    guard let available else { return }
    let shapes: [ImageShape] = [model.input] + (try model.outputShapes())
    var weights: Double = 0
    for (layer, input) in zip(model.layers, shapes) {
      switch layer.kind {
      case .conv2d(let filters, let kernelSize, _, _):
        weights += Double(kernelSize * kernelSize) * Double(input.channels) * Double(filters)
      case .dense(let units): weights += Double(input.elementCount) * Double(units)
      case .relu, .maxPool2d, .averagePool2d, .flatten, .softmax: break
      }
    }
    let maps: Double = shapes.reduce(0) { $0 + Double($1.elementCount) } * Double(shardSize)
    let pixels: Double = shapes.reduce(0) { $0 + Double($1.height) * Double($1.width) }
    let bytes: Double = 3 * 4 * weights + 4 * maps + 32 * pixels
    guard bytes > Double(available.bytes) else { return }
    func size(_ bytes: Double) -> String { "\(Int((bytes / 1_048_576).rounded(.up))) MiB" }
    throw UserError(
      .systemRefused, "memory",
      "a worker needs more than \(size(bytes)), but \(size(Double(available.bytes))) are available "
        + "(\(available.source)): 3 × \(size(4 * weights)) weights, momentum and gradients + \(size(4 * maps)) feature maps "
        + "of a shard + \(size(32 * pixels)) tables",
      hint: "use a smaller runtime.shard_size or network")
  }
}

import Diagnostics
import Machine
import Network

extension MemoryNeeds {
  /// Refuses a network that one worker alone could not hold, before anything is laid out for it.
  ///
  /// Counts less than a run will take: every weight three times (itself, momentum, gradient) with outputs in blocks of 32
  /// and channels in sixteens, the feature maps of one shard, and what is tabulated per pixel. In floating point, so that
  /// no size overflows.
  /// - Throws: `UserError(.systemRefused)` with the sum.
  static func requireFits(
    _ model: ModelSpecification, shardSize: Int, _ available: AvailableMemory?
  ) throws(UserError) {
    guard let available else { return }
    let shapes: [ImageShape] = [model.input] + (try model.outputShapes())
    var weights: Double = 0
    var maps: Double = Double(model.input.elementCount) * Double(shardSize)
    for (index, layer) in model.layers.enumerated() {
      let (input, output): (ImageShape, ImageShape) = (shapes[index], shapes[index + 1])
      switch layer.kind {
      case .conv2d(let filters, let kernelSize, _, _):
        // A first convolution reads the pixels as they are.
        let channels: Int = index == 0 ? input.channels : roundUp(input.channels, to: 16)
        weights += Double(kernelSize * kernelSize) * Double(channels) * Double(roundUp(filters, to: 32))
      case .dense(let units): weights += Double(input.elementCount) * Double(roundUp(units, to: 32))
      case .relu, .maxPool2d, .averagePool2d, .flatten, .softmax: break
      }
      guard model.hasMap(ofLayer: index) else { continue }
      let images: Int = model.isPooled(layer: index) ? 1 : shardSize
      maps += Double(output.height * output.width) * Double(roundUp(output.channels, to: 16)) * Double(images)
    }
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

extension ModelSpecification {
  /// Whether a layer's output lies in memory of its own: not that of `flatten` or of a fused ReLU.
  fileprivate func hasMap(ofLayer index: Int) -> Bool {
    switch layers[index].kind {
    case .flatten: return false
    case .relu:
      guard index > 0 else { return true }
      switch layers[index - 1].kind {
      case .conv2d, .dense: return false
      case .relu, .maxPool2d, .averagePool2d, .flatten, .softmax: return true
      }
    case .conv2d, .dense, .maxPool2d, .averagePool2d, .softmax: return true
    }
  }

  /// Whether a pool reads the layer's output, which then may be kept for fewer images than a shard has.
  fileprivate func isPooled(layer index: Int) -> Bool {
    switch layers.indices.first(where: { $0 > index && hasMap(ofLayer: $0) }).map({ layers[$0].kind }) {
    case .maxPool2d, .averagePool2d: true
    case .conv2d, .relu, .flatten, .dense, .softmax, nil: false
    }
  }
}

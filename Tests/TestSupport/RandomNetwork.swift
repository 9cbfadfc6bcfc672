import Network
import Randomness
import ReferenceKernels

/// A random net with its examples, weights and batches; the same for a seed everywhere.
///
/// Nets have every layer but dropout and every legal end (dense layer, convolution or pool before softmax, with ReLUs or
/// without), residual blocks and norms, odd sizes, ragged batches and shards. Images, weights and biases are exact in Float.
package struct RandomNetwork: Sendable, CustomStringConvertible {
  package let seed: UInt64
  package let model: ModelSpecification
  package let batchSize: Int
  package let shardSize: Int
  package let classes: Int
  package let labels: [Int]
  /// In layer order, weight before bias, in public layouts.
  package let parameters: [(name: String, shape: [Int], values: [Float])]
  /// N×H×W×C.
  package let images: [Float]
  /// Whether an evaluation, which takes running statistics, is another function than training.
  package let hasNorms: Bool
  /// What every batch gives through the naive twins.
  package let passes: [ReferenceNetwork.Pass]
  /// Whether no ReLU and no pool is so close to its decision that rounding in Float could turn it. A few nets stay
  /// unclear whatever their images: those with a tie after a convolution.
  package let isClear: Bool

  package var examples: Int { labels.count }
  /// The examples of every batch, in the order of the data.
  package var batches: [Range<Int>] { Self.batches(examples, batchSize) }

  package var description: String {
    let layers = model.layers.map(\.kind.summary).joined(separator: ", ")
    return "net \(seed): \(model.input), \(layers); \(examples) examples in batches of \(batchSize), shards of "
      + "\(shardSize)"
  }

  private static let attempts = 12

  /// - Throws: `UserError` if the net is not legal after all.
  package init(seed: UInt64) throws {
    self.seed = seed
    var draw = Draw(seed: seed, stream: 0)
    let plan = RandomLayers(&draw)
    model = plan.model
    let graph = try ModelGraph(model)
    classes = graph.classes
    hasNorms = plan.hasNorms
    let examples = min((plan.hasNorms ? 3 : 1) + draw.below(40), max(1, 1_000_000 / max(1, plan.products)))
    var batchSize = max(examples / 4 + 1, min(examples, 1 + draw.below(examples + 3)))
    // A norm over one or two images may have next to no variance.
    if plan.hasNorms {
      batchSize = max(batchSize, min(examples, 3))
      while batchSize < examples, 1...2 ~= examples % batchSize { batchSize += 1 }
    }
    (self.batchSize, shardSize) = (batchSize, draw.pick([1, 2, 3, 4, 5, 8, 16, 16, 24]))
    let labels = (0..<examples).map { _ in draw.below(graph.classes) }
    self.labels = labels
    var parameters: [(name: String, shape: [Int], values: [Float])] = []
    for layer in graph.layers {
      for parameter in graph.parameters(of: layer) {
        let fanIn = parameter.positions * parameter.channels
        let isWeight = parameter.role == .weight
        let scale = isWeight ? Float((2 / Double(fanIn)).squareRoot()) : 0.3
        let values = (0..<parameter.elementCount).map { _ -> Float in
          let value = draw.normal() * scale
          return parameter.role == .scale ? 1 + value : parameter.part == "running_var" ? 1 + abs(value) : value
        }
        parameters.append(("\(layer.name).\(parameter.part)", parameter.shape, values))
      }
    }
    self.parameters = parameters
    let reference = ReferenceNetwork(
      graph, parameters: Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.values.map(Double.init)) }))

    // Images are drawn again until every decision is clear.
    var result: (images: [Float], passes: [ReferenceNetwork.Pass], isClear: Bool) = ([], [], false)
    for attempt in 0..<Self.attempts where !result.isClear {
      var draw = Draw(seed: seed, stream: UInt32(1 + attempt))
      let images = Self.images(&draw, examples * plan.model.input.elementCount, fewValues: attempt < 2)
      let passes = Self.batches(examples, batchSize).map { batch in
        reference.pass(Self.tensor(images, batch, plan.model.input), labels: Array(labels[batch]))
      }
      result = (images, passes, passes.allSatisfy { plan.isClear($0, graph) })
    }
    (images, passes, isClear) = result
  }

  private static func batches(_ examples: Int, _ batchSize: Int) -> [Range<Int>] {
    stride(from: 0, to: examples, by: batchSize).map { $0..<min($0 + batchSize, examples) }
  }

  /// Multiples of 1/64 near a normal distribution, or of a few values alone, so that pools in front meet ties.
  private static func images(_ draw: inout Draw, _ count: Int, fewValues: Bool) -> [Float] {
    let isCoarse = fewValues && draw.below(3) == 0
    return (0..<count).map { _ in
      isCoarse ? Float(draw.below(4)) / 2 - 0.5 : (draw.normal() * 64).rounded() / 64
    }
  }

  private static func tensor(_ images: [Float], _ batch: Range<Int>, _ shape: ImageShape) -> Tensor4 {
    let size = shape.elementCount
    return Tensor4(
      count: batch.count, height: shape.height, width: shape.width, channels: shape.channels,
      values: images[batch.lowerBound * size..<batch.upperBound * size].map(Double.init))
  }
}

/// Random choices in a row.
struct Draw {
  private let stream: RandomStream
  private var next: UInt64 = 0

  init(seed: UInt64, stream: UInt32) {
    self.stream = RandomStream(seed: seed, purpose: .syntheticData, stream: stream)
  }

  mutating func below(_ bound: Int) -> Int {
    next += 1
    return Int(stream.below(UInt64(bound), index: next))
  }

  /// True with this probability in percent.
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }

  mutating func normal() -> Float {
    next += 1
    return stream.normal(next)
  }
}

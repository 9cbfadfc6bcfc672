import KernelInterface
import Network
import Randomness
import ReferenceKernels

/// One forward and backward pass of a network outside any trainer, on random images and weights.
package struct NetworkRun {
  package let model: ModelSpecification
  private let graph: ModelGraph
  package var images: Tensor4
  package let labels: [Int]
  package var parameters: [String: [Float]]

  package init(_ model: ModelSpecification, examples: Int, seed: UInt64 = 1) throws {
    self.model = model
    let plan = try Self.plan(model, ImageCapacity(shard: examples))
    graph = plan.graph
    let shape = model.input
    let pixels = RandomStream(seed: seed, purpose: .syntheticData, stream: 0)
    images = Tensor4(
      count: examples, height: shape.height, width: shape.width, channels: shape.channels,
      values: (0..<examples * shape.elementCount).map { Double(pixels.normal(UInt64($0))) })
    let classes = plan.classes
    labels = (0..<examples).map { Int(pixels.below(UInt64(classes), index: UInt64(1_000_000 + $0))) }
    var parameters: [String: [Float]] = [:]
    for (p, parameter) in plan.parameters.parameters.enumerated() {
      let stream = RandomStream(seed: seed, purpose: .initialWeights, stream: UInt32(p))
      let scale = Float((2 / Double(parameter.fanIn)).squareRoot())
      let isVariance = parameter.specification.part == "running_var"
      parameters[parameter.name] = (0..<parameter.elementCount).map {
        let value = stream.normal(UInt64($0)) * scale
        return isVariance ? abs(value) + 0.5 : value
      }
    }
    self.parameters = parameters
  }

  package struct Result: Hashable {
    package var probabilities: [Float] = []
    package var losses: [Float] = []
    package var inputGradient: [Float] = []
    /// Summed over the examples, by parameter.
    package var gradients: [String: [Float]] = [:]
  }

  private static func plan(
    _ model: ModelSpecification, _ capacity: ImageCapacity, _ sizes: BlockSizes = BlockSizes()
  ) throws -> NetworkPlan {
    try NetworkPlan(model, capacity: capacity, sizes: sizes, computesInputGradient: true)
  }

  /// Runs the production kernels; all memory is filled with `fill` first, which must not matter.
  ///
  /// `capacity` is how the images are cut into shards and chunks; one shard of all of them where none is given. The
  /// input's gradient is of the last chunk alone.
  package func run(
    _ kernels: KernelTable, capacity: ImageCapacity? = nil, sizes: BlockSizes = BlockSizes(), fill: UInt8 = 0
  ) throws -> Result {
    let examples = images.count
    let plan = try Self.plan(model, capacity ?? ImageCapacity(shard: examples), sizes)
    let bytes = Workspace.byteCount(plan)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: fill, count: bytes)
    let workspace = Workspace(plan, memory: memory)
    let count = plan.parameters.packedCount
    let weights = UnsafeMutablePointer<Float>.allocate(capacity: 2 * count + plan.preparedCount)
    defer { weights.deallocate() }
    let gradient = weights + count
    let prepared = gradient + count
    weights.initialize(repeating: 0, count: count)
    UnsafeMutableRawPointer(gradient)
      .initializeMemory(as: UInt8.self, repeating: fill, count: (count + plan.preparedCount) * 4)
    for parameter in plan.parameters.parameters {
      plan.parameters.pack(parameter, parameters[parameter.name] ?? [], into: weights)
    }
    for part in 0..<3 {
      plan.prepareWeights(weights, into: prepared, scratch: workspace, part: part, of: 3, kernels: kernels)
    }
    func load(_ chunk: Range<Int>) {
      let pixelCount = model.input.elementCount
      let (width, channels) = (images.width, images.channels)
      for n in chunk {
        let input = plan.input(workspace, image: n, of: chunk)
        for index in 0..<pixelCount {
          let (i, j, c) = (index / (width * channels), index / channels % width, index % channels)
          input.pixels[i * input.row + j * input.pixel + c] = Float(images.values[n * pixelCount + index])
        }
        workspace.describe(image: n, example: n, label: Int32(labels[n]))
      }
    }
    var inputs = PassInputs(weights: weights, prepared: prepared, kernels: kernels)
    var lastChunk = 0..<0
    plan.sumGradients(workspace, examples: examples, into: gradient, inputs) {
      load($0)
      lastChunk = $0
    }
    var result = Result()
    result.losses = (0..<examples).map { workspace.losses[$0] }
    for n in 0..<lastChunk.count { result.inputGradient += plan.inputGradient(workspace, imageOfChunk: n) }
    for parameter in plan.parameters.parameters where parameter.isTrained {
      result.gradients[parameter.name] = plan.parameters.unpack(parameter, from: gradient)
    }
    inputs.isInference = true
    for first in stride(from: 0, to: examples, by: plan.capacity.chunk) {
      let chunk = first..<min(first + plan.capacity.chunk, examples)
      load(chunk)
      plan.forward(workspace, images: chunk, inputs)
      for n in chunk {
        let probabilities = plan.probabilities(workspace, image: n)
        for k in 0..<plan.classes { result.probabilities.append(probabilities[k]) }
      }
    }
    return result
  }

  /// The same pass through the naive twins, in Double.
  package func reference() -> ReferenceNetwork.Pass {
    ReferenceNetwork(graph, parameters: parameters.mapValues { $0.map(Double.init) })
      .pass(images, labels: labels)
  }
}

/// Largest |a − b| over the largest |b|.
package func worstRelativeError(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "Arrays of \(a.count) and \(b.count) elements are compared.")
  let largest = b.map(abs).max() ?? 0
  let worst = zip(a, b).map { abs($0 - $1) }.max() ?? 0
  return largest > 0 ? worst / largest : worst
}

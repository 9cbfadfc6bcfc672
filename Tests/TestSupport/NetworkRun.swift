import KernelInterface
import Network
import Randomness
import ReferenceKernels

/// One forward and backward pass of a network outside any trainer, on random images and weights.
package struct NetworkRun {
  package let plan: NetworkPlan
  package let images: Tensor4
  package let labels: [Int]
  package let parameters: [String: [Float]]

  package init(_ model: ModelSpecification, examples: Int, seed: UInt64 = 1) throws {
    plan = try NetworkPlan(model, maximumExamples: examples, computesInputGradient: true)
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
      parameters[parameter.name] = (0..<parameter.elementCount).map { stream.normal(UInt64($0)) * scale }
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

  /// Runs the production kernels; all memory is filled with `fill` beforehand, which must not matter.
  package func run(_ kernels: KernelTable, shardSize: Int? = nil, fill: UInt8 = 0) -> Result {
    let examples = images.count
    let shardSize = shardSize ?? examples
    let shards = (examples + shardSize - 1) / shardSize
    let bytes = Workspace.byteCount(plan, shards: shards)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: fill, count: bytes)
    let workspace = Workspace(plan, shards: shards, memory: memory)
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
    let pixelCount = plan.model.input.elementCount
    for n in 0..<examples {
      let input = plan.input(workspace, example: n)
      let (width, channels) = (images.width, images.channels)
      for index in 0..<pixelCount {
        let (i, j, c) = (index / (width * channels), index / channels % width, index % channels)
        input.pixels[i * input.row + j * input.pixel + c] = Float(images.values[n * pixelCount + index])
      }
      workspace.labels[n] = Int32(labels[n])
    }
    plan.forward(
      workspace, examples: examples, weights: weights, prepared: prepared, kernels: kernels, keepsProbabilities: false)
    plan.backward(
      workspace, examples: examples, shardSize: shardSize, weights: weights, prepared: prepared, gradient: gradient,
      kernels: kernels)
    var result = Result()
    result.losses = (0..<examples).map { workspace.losses[$0] }
    for n in 0..<examples { result.inputGradient += plan.inputGradient(workspace, example: n) }
    for parameter in plan.parameters.parameters {
      result.gradients[parameter.name] = plan.parameters.unpack(parameter, from: gradient)
    }
    plan.forward(
      workspace, examples: examples, weights: weights, prepared: prepared, kernels: kernels, keepsProbabilities: true)
    for n in 0..<examples {
      let probabilities = plan.probabilities(workspace, example: n)
      for k in 0..<plan.classes { result.probabilities.append(probabilities[k]) }
    }
    return result
  }

  /// The same pass through the naive twins, in Double.
  package func reference() -> ReferenceNetwork.Pass {
    ReferenceNetwork(plan.model, parameters: parameters.mapValues { $0.map(Double.init) })
      .pass(images, labels: labels)
  }
}

/// The kernel builds this processor can run.
package var runnableKernels: [KernelTable] {
  KernelBuild.allCases.filter(\.isSupported).compactMap(\.table)
}

/// Largest |a − b| over the largest |b|.
package func worstRelativeError(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "Arrays of \(a.count) and \(b.count) elements are compared.")
  let largest = b.map(abs).max() ?? 0
  let worst = zip(a, b).map { abs($0 - $1) }.max() ?? 0
  return largest > 0 ? worst / largest : worst
}

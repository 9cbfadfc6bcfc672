import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Randomness
import ReferenceKernels
import Training

/// One row of `gradcheck`: the worst difference over the checked elements of one tensor.
package struct GradientCheckRow: Sendable, Hashable {
  package var layer: String
  /// `weight`, `bias` or `input`.
  package var tensor: String
  /// Elements of the tensor, how many of them were checked, and how many more have no derivative there.
  package var elements: Int
  package var checked: Int
  package var skipped: Int
  /// Largest |analytic − numeric| over the largest |numeric| of the tensor.
  package var worstError: Double
  package var tolerance: Double
  package var passed: Bool { worstError <= tolerance }
}

/// Finite differences of the naive network in Double against the gradients of the production kernels in Float.
///
/// The central difference `(J(w + h) − J(w − h)) / 2h` with h = 1e-5 is exact to about 1e-9 of the loss; what remains is the
/// kernels' Float rounding, so the tolerance is 1e-3 of the tensor's largest derivative. Tensors of more than
/// `elementsPerTensor` elements are sampled, evenly and from the seed. Images and biases are random, labels the data's:
/// on real images whole patches are equal, where neither ReLU nor the post's max-pooling mask has a derivative.
///
/// A kink of a ReLU or maximum may still lie near. What differs by more than the tolerance is tried again with h = 1e-7. Where
/// it differs then too, it is skipped if the naive network's own gradient jumps by more than the tolerance when all weights
/// and pixels are moved by as much as the kernels round: on which side of a kink they are is then a matter of rounding.
package enum GradientCheck {
  private static let step = 1e-5
  private static let smallStep = 1e-7
  private static let tolerance = 1e-3
  private static let exampleCount = 4

  /// Checks every parameter tensor, layer by layer, and the images, on the first examples of `training`.
  package static func run(
    configuration: RunConfiguration, kernels: KernelTable, training: ImageDataset, elementsPerTensor: Int = 256
  ) throws -> [GradientCheckRow] {
    let examples = min(exampleCount, training.count)
    guard examples > 0 else { throw UserError(.badData, "data.train", "the training set has 0 examples") }
    let network = try NetworkPlan(
      configuration.model, capacity: ImageCapacity(shard: examples), computesInputGradient: true)
    try checkDataset(training, "data.train", network)
    let production = try productionGradients(configuration, network, training, examples: examples, kernels: kernels)

    let model = configuration.model
    var reference = ReferenceNetwork(
      network.graph, parameters: production.weights.mapValues { $0.map(Double.init) })
    var images = Tensor4(
      count: examples, height: model.input.height, width: model.input.width, channels: model.input.channels,
      values: production.images)
    let kinks = GradientKinks(reference, images, labels: production.labels, seed: configuration.seed)
    var rows: [GradientCheckRow] = []
    for parameter in network.parameters.parameters {
      let analytic = production.gradients[parameter.name] ?? []
      let chosen = sample(elementsPerTensor, of: parameter.elementCount, seed: configuration.seed, stream: rows.count)
      rows.append(
        row(parameter.name, analytic, chosen, kinks) { index, change in
          let original = reference.parameters[parameter.name]?[index] ?? 0
          reference.parameters[parameter.name]?[index] = original + change
          defer { reference.parameters[parameter.name]?[index] = original }
          return reference.loss(images, labels: production.labels)
        })
    }
    let chosen = sample(elementsPerTensor, of: images.values.count, seed: configuration.seed, stream: rows.count)
    rows.append(
      row("images.input", production.inputGradient.map { $0 / Double(examples) }, chosen, kinks) { index, change in
        let original = images.values[index]
        images.values[index] = original + change
        defer { images.values[index] = original }
        return reference.loss(images, labels: production.labels)
      })
    return rows
  }

  private static func row(
    _ name: String, _ analytic: [Double], _ chosen: [Int], _ kinks: GradientKinks, loss: (Int, Double) -> Double
  ) -> GradientCheckRow {
    func numeric(_ index: Int, _ step: Double) -> Double { (loss(index, step) - loss(index, -step)) / (2 * step) }
    var derivatives = chosen.map { numeric($0, step) }
    let largest = derivatives.reduce(0) { max($0, abs($1)) }
    let allowed = tolerance * largest
    var skipped: Set<Int> = []
    for (i, index) in chosen.enumerated() where abs(analytic[index] - derivatives[i]) > allowed {
      let finer = numeric(index, smallStep)
      if abs(analytic[index] - finer) <= allowed {
        derivatives[i] = finer
      } else if kinks.jump(name, index) > allowed {
        skipped.insert(i)
      }
    }
    let compared = chosen.indices.filter { !skipped.contains($0) }
    let differences = compared.map { abs(analytic[chosen[$0]] - derivatives[$0]) }
    let worst = differences.allSatisfy(\.isFinite) ? differences.max() ?? 0 : .infinity
    let parts = name.split(separator: ".")
    return GradientCheckRow(
      layer: parts.dropLast().joined(separator: "."), tensor: String(parts[parts.count - 1]),
      elements: analytic.count, checked: compared.count, skipped: skipped.count,
      worstError: largest > 0 ? worst / largest : (worst > 1e-7 ? .infinity : 0), tolerance: tolerance)
  }

  private static func sample(_ size: Int, of count: Int, seed: UInt64, stream: Int) -> [Int] {
    guard count > size else { return Array(0..<count) }
    let random = RandomStream(seed: seed, purpose: .gradientCheck, stream: UInt32(truncatingIfNeeded: stream))
    return (0..<size).map { Int(random.below(UInt64(count), index: UInt64($0))) }
  }

  private struct Production {
    var weights: [String: [Float]] = [:]
    /// Divided by the number of examples.
    var gradients: [String: [Double]] = [:]
    /// Of the summed loss.
    var inputGradient: [Double] = []
    var images: [Double] = []
    var labels: [Int] = []
  }

  private static func productionGradients(
    _ configuration: RunConfiguration, _ network: NetworkPlan, _ training: ImageDataset, examples: Int,
    kernels: KernelTable
  ) throws -> Production {
    let parameters = network.parameters
    let workspaceBytes = Workspace.byteCount(network)
    let floats = 2 * parameters.packedCount + network.preparedCount
    let memory = try NodeBuffer(byteCount: workspaceBytes + floats * MemoryLayout<Float>.stride, node: nil)
    let workspace = Workspace(network, memory: memory.pointer)
    let weights = (memory.pointer + workspaceBytes).bindMemory(to: Float.self, capacity: floats)
    weights.update(repeating: 0, count: floats)
    let gradient = weights + parameters.packedCount
    let prepared = gradient + parameters.packedCount
    for (index, parameter) in parameters.parameters.enumerated() {
      InitialWeights.write(
        parameter, elements: 0..<parameter.elementCount, index: index, seed: configuration.seed, into: weights)
      guard parameter.role == .bias else { continue }
      let random = RandomStream(
        seed: configuration.seed, purpose: .gradientCheck, stream: 1_000_000 + UInt32(truncatingIfNeeded: index))
      for k in 0..<parameter.elementCount { weights[parameter.offset + k] = 0.1 * random.normal(UInt64(k)) }
    }
    network.prepareWeights(
      weights, into: prepared, scratch: workspace, part: 0, of: 1, kernels: kernels)

    var result = Production()
    let random = RandomStream(seed: configuration.seed, purpose: .gradientCheck, stream: UInt32.max)
    for n in 0..<examples {
      let input = network.input(workspace, image: n, of: 0..<examples)
      workspace.labels[n] = training.labels[n]
      result.labels.append(Int(training.labels[n]))
      for i in 0..<training.height {
        for j in 0..<training.width {
          for c in 0..<training.channels {
            let pixel = random.normal(UInt64(result.images.count))
            input.pixels[i * input.row + j * input.pixel + c] = pixel
            result.images.append(Double(pixel))
          }
        }
      }
    }
    network.sumGradients(
      workspace, examples: examples, into: gradient, PassInputs(weights: weights, prepared: prepared, kernels: kernels)
    ) { _ in }
    for parameter in parameters.parameters {
      result.weights[parameter.name] = parameters.unpack(parameter, from: weights)
      result.gradients[parameter.name] = parameters.unpack(parameter, from: gradient)
        .map { Double($0) / Double(examples) }
    }
    for n in 0..<examples { result.inputGradient += network.inputGradient(workspace, imageOfChunk: n).map(Double.init) }
    return result
  }
}

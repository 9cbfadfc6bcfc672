import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Randomness
import ReferenceKernels
import Runs
import Storage
import Training

/// One row of `gradcheck`: the worst difference over the checked elements of one tensor.
package struct GradientCheckRow: Sendable, Hashable {
  package var layer: String
  /// `weight`, `bias` or `input`.
  package var tensor: String
  /// Elements of the tensor, how many of them were checked, and how many more were skipped because of a kink.
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
/// real images have patches of equal pixels, where neither ReLU nor the post's max-pooling mask has a derivative.
///
/// A kink of a ReLU or maximum may still be near. An element that differs by more than the tolerance is tried again with
/// h = 1e-7. If it still differs, it is skipped if the naive network's own gradient jumps by more than the tolerance when
/// all weights and pixels move by the kernels' rounding error: rounding then decides the side of the kink.
package enum GradientCheck {
  private static let step = 1e-5
  private static let smallStep = 1e-7
  private static let tolerance = 1e-3
  private static let mostExamples = 4

  /// Checks every parameter tensor, layer by layer, and the images, on the first examples of `training`.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, training: ImageDataset,
    elementsPerTensor: Int = 256
  ) throws -> [GradientCheckRow] {
    guard training.count > 0 else { throw UserError(.badData, "data.train", "the training set has 0 examples") }
    let hasGroups = try !ModelGraph(configuration.model).groupSizes.isEmpty
    func planned(_ examples: Int) throws -> RunPlan {
      var single = configuration
      single.runtime.workers = .count(1)
      single.training.batchSize = examples
      // Groups are whole shards.
      if !hasGroups { single.runtime.shardSize = examples }
      return try RunPlan(
        single, topology: topology, kernels: kernels, exampleCount: examples, computesInputGradient: true)
    }
    var examples = min(mostExamples, training.count)
    var plan = try planned(examples)
    try checkDataset(training, "data.train", plan.network)
    // The last group of four examples may have one, which alone has no variance.
    while hasGroups, examples > 2, !plan.isTrainable {
      examples -= 1
      plan = try planned(examples)
    }
    try plan.requireTrainable()
    let network = plan.network
    let production = try productionGradients(plan, training)

    let model = configuration.model
    var reference = ReferenceNetwork(
      network.graph, parameters: production.weights.mapValues { $0.map(Double.init) },
      draws: ReferenceDraws(seed: configuration.seed))
    var images = Tensor4(
      count: examples, height: model.input.height, width: model.input.width, channels: model.input.channels,
      values: production.images)
    let kinks = GradientKinks(reference, images, labels: production.labels, seed: configuration.seed)
    var rows: [GradientCheckRow] = []
    var weightOfLayer: [String: Double] = [:]
    for parameter in network.parameters.parameters where parameter.isTrained {
      let analytic = production.gradients[parameter.name] ?? []
      let chosen = sample(elementsPerTensor, of: parameter.elementCount, seed: configuration.seed, stream: rows.count)
      rows.append(
        row(parameter.name, analytic, chosen, kinks, &weightOfLayer) { index, change in
          let original = reference.parameters[parameter.name]?[index] ?? 0
          reference.parameters[parameter.name]?[index] = original + change
          defer { reference.parameters[parameter.name]?[index] = original }
          return reference.loss(images, labels: production.labels)
        })
    }
    let chosen = sample(elementsPerTensor, of: images.values.count, seed: configuration.seed, stream: rows.count)
    rows.append(
      row(
        "images.input", production.inputGradient.map { $0 / Double(examples) }, chosen, kinks, &weightOfLayer
      ) { index, change in
        let original = images.values[index]
        images.values[index] = original + change
        defer { images.values[index] = original }
        return reference.loss(images, labels: production.labels)
      })
    return rows
  }

  private static func row(
    _ name: String, _ analytic: [Double], _ chosen: [Int], _ kinks: GradientKinks,
    _ largestOfLayer: inout [String: Double], loss: (Int, Double) -> Double
  ) -> GradientCheckRow {
    let parts = name.split(separator: ".")
    let layer = parts.dropLast().joined(separator: ".")
    func numeric(_ index: Int, _ step: Double) -> Double { (loss(index, step) - loss(index, -step)) / (2 * step) }
    var derivatives = chosen.map { numeric($0, step) }
    // A bias before a norm has no gradient except rounding, which must be small beside its layer's weight gradient.
    let largest = derivatives.reduce(1e-3 * (largestOfLayer[layer] ?? 0)) { max($0, abs($1)) }
    largestOfLayer[layer] = max(largestOfLayer[layer] ?? 0, largest)
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
    return GradientCheckRow(
      layer: layer, tensor: String(parts[parts.count - 1]),
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

  /// Weights as training draws them, with random biases.
  private static func weights(_ parameters: ParameterTable, seed: UInt64) -> [NamedTensor] {
    var flat = [Float](repeating: 0, count: parameters.packedCount)
    return flat.withUnsafeMutableBufferPointer { buffer in
      guard let flat = buffer.baseAddress else { return [] }
      for (index, parameter) in parameters.parameters.enumerated() {
        InitialWeights.write(parameter, elements: 0..<parameter.elementCount, index: index, seed: seed, into: flat)
        guard parameter.role == .bias else { continue }
        let random = RandomStream(
          seed: seed, purpose: .gradientCheck, stream: 1_000_000 + UInt32(truncatingIfNeeded: index))
        for k in 0..<parameter.elementCount { flat[parameter.offset + k] = 0.1 * random.normal(UInt64(k)) }
      }
      return parameters.named(flat)
    }
  }

  /// One step's gradients of a batch, by a worker of its own.
  private static func productionGradients(_ plan: RunPlan, _ training: ImageDataset) throws -> Production {
    let seed = plan.configuration.seed
    let weights = weights(plan.network.parameters, seed: seed)
    let session = try Session(plan, start: .weights(weights, source: "weights"))
    var result = try session.alone { worker in
      var result = Production()
      let random = RandomStream(seed: seed, purpose: .gradientCheck, stream: UInt32.max)
      let (network, workspace, gradient) = (plan.network, worker.workspace, worker.gradient(slot: 0))
      let examples = plan.configuration.training.batchSize
      func load(_ images: Range<Int>) {
        for n in images {
          let input = network.input(workspace, image: n, of: images)
          workspace.describe(image: n, example: n, label: training.labels[n])
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
      }
      if network.schedule.hasMeetings {
        let shardSize = plan.configuration.runtime.shardSize
        let shards = 0..<(examples + shardSize - 1) / shardSize
        let share = WorkerShare([.init(shards: shards, target: gradient)], of: examples, shardSize: shardSize)
        network.sumGradients(workspace, share, sums: worker.meetingSums, worker.inputs(epoch: 0), load: load, meet: {})
      } else {
        network.sumGradients(workspace, examples: examples, into: gradient, worker.inputs(epoch: 0), load: load)
      }
      for parameter in network.parameters.parameters where parameter.isTrained {
        result.gradients[parameter.name] = network.parameters.unpack(parameter, from: gradient)
          .map { Double($0) / Double(examples) }
      }
      for n in 0..<examples {
        result.inputGradient += network.inputGradient(workspace, imageOfChunk: n).map(Double.init)
      }
      return result
    }
    for tensor in weights { result.weights[tensor.name] = tensor.values }
    return result
  }
}

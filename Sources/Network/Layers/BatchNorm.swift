import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// `Y = γ · (X − μ) / √(σ² + ε) + β` by channel, μ and σ² being those of the whole batch and all pixels, whatever the number
/// of workers (Ioffe and Szegedy 2015). The variance is that of the n values; the running one, which an inference uses, is
/// that over n − 1, as PyTorch has it.
package struct BatchNorm: MeetingLayerType {
  package static let typeName = "batch_norm"
  package static let keys = [
    ConfigurationKey(
      "momentum", .number(.within(0...1)), default: .number(0.9),
      "The share of the old value in the running mean and variance after a step, as in Keras; PyTorch's is 1 minus this."
    ),
    ConfigurationKey("epsilon", .number(.positive), default: .number(1e-5), "What is added to the variance."),
    ConfigurationKey("center", .bool, default: .bool(true), "Whether β, the tensor `bias`, is learned; else it is 0."),
    ConfigurationKey("scale", .bool, default: .bool(true), "Whether γ, the tensor `weight`, is learned; else it is 1."),
  ]

  package var momentum: Double
  package var epsilon: Double
  package var center: Bool
  package var scale: Bool

  package init(momentum: Double = 0.9, epsilon: Double = 1e-5, center: Bool = true, scale: Bool = true) {
    self.momentum = momentum
    self.epsilon = epsilon
    self.center = center
    self.scale = scale
  }

  package init(_ values: KeyValues) {
    self.init(
      momentum: values.number("momentum"), epsilon: values.number("epsilon"), center: values.bool("center"),
      scale: values.bool("scale"))
  }

  package var values: KeyValues {
    ["momentum": .number(momentum), "epsilon": .number(epsilon), "center": .bool(center), "scale": .bool(scale)]
  }
  package var summary: String {
    Self.typeName + (center ? "" : ", no center") + (scale ? "" : ", no scale")
      + (momentum == 0.9 ? "" : ", momentum \(momentum)") + (epsilon == 1e-5 ? "" : ", epsilon \(epsilon)")
  }
  package var traits: LayerTraits { [.appliesReLU, .recomputesOutput] }
  package var frozen: any LayerType { FrozenBatchNorm(self) }

  package func outputShape(_ inputs: [ValueShape]) throws(LayerMisfit) -> ValueShape {
    guard !inputs[0].isFlat || inputs[0].image.height * inputs[0].image.width == 1 else {
      throw LayerMisfit(
        "batch_norm meets a flattened map of \(inputs[0].image); allowed: images, or the values of a dense layer",
        hint: "put it before flatten")
    }
    return inputs[0]
  }

  package func parameters(_ inputs: [ValueShape]) -> [ParameterSpecification] {
    let channels = inputs[0].image.channels
    func vector(_ part: String, _ role: ParameterRole, _ initialValue: Float) -> ParameterSpecification {
      ParameterSpecification(vector: part, role: role, outputs: channels, initialValue: initialValue)
    }
    return (scale ? [vector("weight", .scale, 1)] : []) + (center ? [vector("bias", .bias, 0)] : []) + [
      vector("running_mean", .runningStatistic, 0), vector("running_var", .runningStatistic, 1),
    ]
  }

  package func products(_ inputs: [ValueShape], output: ValueShape) -> Int { 0 }

  package func meetingSums(_ inputs: [ValueShape]) -> (forward: Int, backward: Int) {
    let lanes = 2 * roundUp(inputs[0].image.channels, to: 16)
    return (lanes, lanes)
  }

  package func reference(_ step: ReferenceStep) -> ReferenceResult {
    let norm = ReferenceBatchNorm(
      epsilon: epsilon, scale: scale ? step.parameter("weight") : nil, shift: center ? step.parameter("bias") : nil)
    let examples = Double(step.x.count)
    return ReferenceResult(output: norm.forward(step.x)) { gradient in
      let (dx, dScale, dShift) = norm.backward(step.x, dout: gradient)
      var parameters: [String: [Double]] = [:]
      if scale { parameters["weight"] = dScale.map { $0 / examples } }
      if center { parameters["bias"] = dShift.map { $0 / examples } }
      return ReferenceGradients(inputs: [dx], parameters: parameters)
    }
  }

  package func demands(_ site: LayerSite) -> LayerDemands { LayerDemands() }
  package func layer(_ place: LayerPlace) -> any Layer { BatchNormLayer(self, place) }
}

/// The layer at work.
///
/// Sums of x and x², and of the gradient g and g · x, are taken in Double over a shard's pixels, then over the shards' tree.
/// What follows from them is computed in Double by every worker and rounded once to a Float per channel.
private final class BatchNormLayer: MeetingLayer {
  private let type: BatchNorm
  private let index: Int
  private let input: PlacedValue
  private let output: PlacedValue
  private let relu: FusedReLU?
  private let needsGradientSums: Bool
  private let meeting: Int
  private let preparedOffset: Int
  private let weight: PlacedParameter?
  private let bias: PlacedParameter?
  private let runningMean: PlacedParameter
  private let runningVariance: PlacedParameter
  private let channels: Int
  /// Channels with their padding.
  private let lanes: Int
  let memory: LayerMemory
  let algorithm = "elementwise"

  /// Rows of `lanes` floats that a worker keeps of the batch. Coefficients are next to each other as kernels read them.
  private enum Kept: Int, CaseIterable {
    case mean, scale, shift
    case gradientMean, ofGradient, ofInput, constant
    case weightGradient, biasGradient
  }

  init(_ type: BatchNorm, _ place: LayerPlace) {
    self.type = type
    index = place.index
    input = place.input
    output = place.output
    relu = place.relu
    func parameter(_ part: String) -> PlacedParameter? {
      place.parameters.first { $0.parameter.specification.part == part }
    }
    weight = parameter("weight")
    bias = parameter("bias")
    guard let meeting = place.meeting, let mean = parameter("running_mean"), let variance = parameter("running_var")
    else { fatalError("The norm \(place.name) has no meeting, or no running statistics.") }
    self.meeting = meeting
    runningMean = mean
    runningVariance = variance
    needsGradientSums = weight != nil || bias != nil || place.needsInputGradient[0]
    channels = input.shape.channels
    lanes = input.map.channelStride
    preparedOffset = place.preparedOffset
    var memory = LayerMemory()
    memory.kept = Kept.allCases.count * lanes
    memory.prepared = 3 * lanes
    self.memory = memory
  }

  // MARK: The batch's sums

  func sumInputs(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>) {
    let x = source(pass.map(input, slice), input.map)
    var products = ProductSums(extent(slice), a: x, b: x, sums: sums)
    products.accumulates = !slice.startsShard
    pass.kernels.productSums(products)
  }

  func sumGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into sums: UnsafeMutablePointer<Double>) {
    guard needsGradientSums else { return sums.update(repeating: 0, count: 2 * lanes) }
    var products = ProductSums(
      extent(slice), a: source(pass.gradient(output, slice), output.gradient),
      b: source(pass.map(input, slice), input.map), sums: sums)
    products.accumulates = !slice.startsShard
    pass.kernels.productSums(products)
  }

  /// Of `channel` over the batch: its mean, its variance over n, and `1 / √(variance + ε)`.
  private func moments(
    _ pass: borrowing Pass, _ channel: Int
  ) -> (count: Double, mean: Double, variance: Double, inverse: Double) {
    let totals = pass.inputTotals(meeting)
    let count = Double(pass.batch * input.shape.height * input.shape.width)
    let mean = totals[channel] / count
    let variance = max(0, totals[lanes + channel] / count - mean * mean)
    return (count, mean, variance, 1 / (variance + type.epsilon).squareRoot())
  }

  func inputsSummed(_ pass: borrowing Pass) {
    let kept = pass.memory.kept[index]
    kept.update(repeating: 0, count: memory.kept)
    for channel in 0..<channels {
      let (count, mean, variance, inverse) = moments(pass, channel)
      set(
        kept + channel, mean: mean, scale: Double(weight.map { pass.weights[$0.offset + channel] } ?? 1) * inverse,
        shift: Double(bias.map { pass.weights[$0.offset + channel] } ?? 0))
      guard let statistics = pass.statistics else { continue }
      let old = type.momentum
      func blend(_ place: UnsafeMutablePointer<Float>, _ value: Double) {
        place.pointee = Float(old * Double(place.pointee) + (1 - old) * value)
      }
      blend(statistics + runningMean.offset + channel, mean)
      blend(statistics + runningVariance.offset + channel, variance * (count / (count - 1)))
    }
  }

  /// `mean`, `scale` and `shift` rounded; the shift makes up for what rounding changes in the mean.
  private func set(_ row: UnsafeMutablePointer<Float>, mean: Double, scale: Double, shift: Double) {
    row[0] = Float(mean)
    row[lanes] = Float(scale)
    row[2 * lanes] = Float(shift + scale * (Double(row[0]) - mean))
  }

  func gradientsSummed(_ pass: borrowing Pass) {
    let totals = pass.gradientTotals(meeting)
    let kept = pass.memory.kept[index]
    func row(_ row: Kept) -> UnsafeMutablePointer<Float> { kept + row.rawValue * lanes }
    for channel in 0..<channels {
      let (count, mean, _, inverse) = moments(pass, channel)
      let sum = totals[channel]
      // Σ g · x̂ for the normalised input x̂.
      let product = inverse * (totals[lanes + channel] - mean * sum)
      let a = Double(weight.map { pass.weights[$0.offset + channel] } ?? 1) * inverse
      let b = -a * inverse * (product / count)
      let rounded = Float(mean)
      row(.gradientMean)[channel] = rounded
      row(.ofGradient)[channel] = Float(a)
      row(.ofInput)[channel] = Float(b)
      row(.constant)[channel] = Float(b * (Double(rounded) - mean) - a * (sum / count))
      row(.weightGradient)[channel] = Float(product)
      row(.biasGradient)[channel] = Float(sum)
    }
  }

  /// A batch of one value per channel has no variance.
  var leastBatch: Int { input.shape.height * input.shape.width == 1 ? 2 : 1 }

  // MARK: Passes

  /// What an inference reads, from the running statistics.
  func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    part: Int, of parts: Int, _ kernels: KernelTable
  ) {
    let rows = prepared + preparedOffset
    for channel in lanes * part / parts..<lanes * (part + 1) / parts {
      guard channel < channels else {
        for row in 0..<3 { rows[row * lanes + channel] = 0 }
        continue
      }
      let variance = Double(weights[runningVariance.offset + channel])
      let inverse = 1 / (variance + type.epsilon).squareRoot()
      set(
        rows + channel, mean: Double(weights[runningMean.offset + channel]),
        scale: Double(weight.map { weights[$0.offset + channel] } ?? 1) * inverse,
        shift: Double(bias.map { weights[$0.offset + channel] } ?? 0))
    }
  }

  func forward(_ pass: borrowing Pass, _ slice: ImageSlice) {
    let out = pass.map(output, slice)
    pass.kernels.normalize(
      Normalization(
        extent(slice), x: source(pass.map(input, slice), input.map), out: target(out, output.map),
        channels: pass.isInference ? pass.prepared + preparedOffset : UnsafePointer(pass.memory.kept[index]),
        relu: relu))
  }

  /// The whole batch's gradients, which come with the sums, are counted in its first shard; those of all others are 0.
  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    guard slice.startsShard, !target.addsShard else { return }
    let isFirst = pass.startsBatch && slice.first == 0
    // One after the other: a loop over an array of both would allocate it.
    func write(_ parameter: PlacedParameter?, _ row: Kept) {
      guard let parameter else { return }
      let place = target.flat + parameter.offset
      if isFirst {
        place.update(from: pass.memory.kept[index] + row.rawValue * lanes, count: channels)
      } else {
        place.update(repeating: 0, count: channels)
      }
    }
    write(weight, .weightGradient)
    write(bias, .biasGradient)
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of _: Int) {
    pass.kernels.normalizeGradient(
      NormalizationGradient(
        extent(slice), x: source(pass.map(input, slice), input.map),
        dout: source(pass.gradient(output, slice), output.gradient),
        dx: target(pass.gradient(input, slice), input.gradient),
        channels: pass.memory.kept[index] + Kept.gradientMean.rawValue * lanes))
  }

  private func extent(_ slice: ImageSlice) -> NormExtent {
    NormExtent(images: slice.count, height: input.shape.height, width: input.shape.width, lanes: lanes)
  }

  private func source(_ start: UnsafeMutablePointer<Float>, _ map: MapLayout) -> NormMap<UnsafePointer<Float>> {
    NormMap(UnsafePointer(start + map.origin), image: map.imageStride, row: map.rowStride)
  }

  private func target(_ start: UnsafeMutablePointer<Float>, _ map: MapLayout) -> NormMap<UnsafeMutablePointer<Float>> {
    NormMap(start + map.origin, image: map.imageStride, row: map.rowStride)
  }
}

extension LayerKind {
  package static var batchNorm: LayerKind { LayerKind(BatchNorm()) }
}

import ConfigurationKeys
import KernelInterface
import ReferenceKernels

/// `Y = γ · (X − μ) / √(σ² + ε) + β` by channel, μ and σ² being those of the whole batch and all pixels, whatever the number
/// of workers (Ioffe and Szegedy 2015). The variance is that of the n values; the running one, which an inference uses, is
/// that over n − 1, as PyTorch has it.
///
/// With `virtual_batch_size`, μ and σ² are those of groups of so many consecutive examples of a batch ("ghost batch norm",
/// Hoffer et al. 2017), the last one of as many as are left. No worker waits for others then. The running statistics of a step
/// are the groups' means and variances, averaged with the groups' examples as weights.
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
    ConfigurationKey(
      "virtual_batch_size", .integer(1...(1 << 24)), otherwise: "the whole batch",
      "Normalises groups of so many examples by themselves, without waiting for other workers; a multiple of `runtime.shard_size`."
    ),
  ]

  package var momentum: Double
  package var epsilon: Double
  package var center: Bool
  package var scale: Bool
  package var groupExamples: Int?

  package init(
    momentum: Double = 0.9, epsilon: Double = 1e-5, center: Bool = true, scale: Bool = true, groupExamples: Int? = nil
  ) {
    self.momentum = momentum
    self.epsilon = epsilon
    self.center = center
    self.scale = scale
    self.groupExamples = groupExamples
  }

  package init(_ values: KeyValues) {
    self.init(
      momentum: values.number("momentum"), epsilon: values.number("epsilon"), center: values.bool("center"),
      scale: values.bool("scale"),
      groupExamples: values["virtual_batch_size"] == nil ? nil : values.integer("virtual_batch_size"))
  }

  package var values: KeyValues {
    let whole: KeyValues = [
      "momentum": .number(momentum), "epsilon": .number(epsilon), "center": .bool(center), "scale": .bool(scale),
    ]
    guard let groupExamples else { return whole }
    return KeyValues(whole.members + [.init("virtual_batch_size", .integer(groupExamples))])
  }
  package var summary: String {
    Self.typeName + (center ? "" : ", no center") + (scale ? "" : ", no scale")
      + (momentum == 0.9 ? "" : ", momentum \(momentum)") + (epsilon == 1e-5 ? "" : ", epsilon \(epsilon)")
      + (groupExamples.map { ", groups of \($0)" } ?? "")
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
    let size = groupExamples ?? step.x.count
    return ReferenceResult(output: norm.forward(step.x, groupsOf: size)) { gradient in
      let (dx, dScale, dShift) = norm.backward(step.x, dout: gradient, groupsOf: size)
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
  private let capacity: ImageCapacity
  private let index: Int
  private let input: PlacedValue
  private let output: PlacedValue
  private let relu: FusedReLU?
  private let needsGradientSums: Bool
  private let sums: Int
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

  /// Rows of `lanes` floats that a worker keeps of the batch, or of each group. Coefficients are next to each other as kernels read them.
  private enum Kept: Int, CaseIterable {
    case mean, scale, shift
    case gradientMean, ofGradient, ofInput, constant
    case weightGradient, biasGradient
  }

  init(_ type: BatchNorm, _ place: LayerPlace) {
    self.type = type
    capacity = place.capacity
    index = place.index
    input = place.input
    output = place.output
    relu = place.relu
    func parameter(_ part: String) -> PlacedParameter? {
      place.parameters.first { $0.parameter.specification.part == part }
    }
    weight = parameter("weight")
    bias = parameter("bias")
    guard let sums = place.sums, let mean = parameter("running_mean"), let variance = parameter("running_var")
    else { fatalError("The norm \(place.name) has no sums, or no running statistics.") }
    self.sums = sums
    runningMean = mean
    runningVariance = variance
    needsGradientSums = weight != nil || bias != nil || place.needsInputGradient[0]
    channels = input.shape.channels
    lanes = input.map.channelStride
    preparedOffset = place.preparedOffset
    var memory = LayerMemory()
    let groups = type.groupExamples.map { (place.capacity.chunk + $0 - 1) / $0 } ?? 1
    memory.kept = groups * Kept.allCases.count * lanes
    if type.groupExamples != nil {
      memory.treeFloats = [weight, bias].compactMap { $0?.parameter.packedCount }.max() ?? 0
    }
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
    let totals = pass.inputTotals(sums) + pass.group * 2 * lanes
    let count = Double(pass.batch * input.shape.height * input.shape.width)
    let mean = totals[channel] / count
    let variance = max(0, totals[lanes + channel] / count - mean * mean)
    return (count, mean, variance, 1 / (variance + type.epsilon).squareRoot())
  }

  func inputsSummed(_ pass: borrowing Pass) {
    let kept = kept(pass, pass.group)
    kept.update(repeating: 0, count: Kept.allCases.count * lanes)
    for channel in 0..<channels {
      let (count, mean, variance, inverse) = moments(pass, channel)
      set(
        kept + channel, mean: mean, scale: Double(weight.map { pass.weights[$0.offset + channel] } ?? 1) * inverse,
        shift: Double(bias.map { pass.weights[$0.offset + channel] } ?? 0))
      guard type.groupExamples == nil, let statistics = pass.statistics else { continue }
      blend(statistics, channel, mean: mean, variance: variance * (count / (count - 1)))
    }
  }

  /// Sums over the groups run from the first to the last.
  func updateStatistics(_ statistics: UnsafeMutablePointer<Float>, _ groups: GroupSums) {
    for channel in 0..<channels {
      var (mean, variance, all) = (0.0, 0.0, 0.0)
      for group in 0..<groups.count {
        let weight = Double(groups.examples(of: group))
        let count = weight * Double(input.shape.height * input.shape.width)
        let own = groups.total(of: group, channel) / count
        let ofSquares = groups.total(of: group, lanes + channel) / count
        mean += weight * own
        variance += weight * (max(0, ofSquares - own * own) * (count / (count - 1)))
        all += weight
      }
      blend(statistics, channel, mean: mean / all, variance: variance / all)
    }
  }

  /// Takes a step's mean and variance of a channel into the running ones.
  private func blend(_ statistics: UnsafeMutablePointer<Float>, _ channel: Int, mean: Double, variance: Double) {
    let old = type.momentum
    func blend(_ place: UnsafeMutablePointer<Float>, _ value: Double) {
      place.pointee = Float(old * Double(place.pointee) + (1 - old) * value)
    }
    blend(statistics + runningMean.offset + channel, mean)
    blend(statistics + runningVariance.offset + channel, variance)
  }

  private func kept(_ pass: borrowing Pass, _ group: Int) -> UnsafeMutablePointer<Float> {
    pass.memory.kept[index] + group * Kept.allCases.count * lanes
  }

  /// Calls `body` with the images of a slice, group by group.
  private func forEachGroup(_ slice: ImageSlice, _ body: (ImageSlice, _ group: Int) -> Void) {
    guard let size = type.groupExamples else { return body(slice, 0) }
    var part = slice
    let end = slice.first + slice.count
    while part.first < end {
      let group = part.first / size
      part.count = min(end, (group + 1) * size) - part.first
      body(part, group)
      part.first += part.count
    }
  }

  /// `mean`, `scale` and `shift` rounded; the shift makes up for what rounding changes in the mean.
  private func set(_ row: UnsafeMutablePointer<Float>, mean: Double, scale: Double, shift: Double) {
    row[0] = Float(mean)
    row[lanes] = Float(scale)
    row[2 * lanes] = Float(shift + scale * (Double(row[0]) - mean))
  }

  func gradientsSummed(_ pass: borrowing Pass) {
    let totals = pass.gradientTotals(sums) + pass.group * 2 * lanes
    let kept = kept(pass, pass.group)
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
    guard !pass.isInference else {
      return normalize(pass, slice, pass.prepared + preparedOffset)
    }
    forEachGroup(slice) { part, group in normalize(pass, part, UnsafePointer(kept(pass, group))) }
  }

  private func normalize(_ pass: borrowing Pass, _ slice: ImageSlice, _ channels: UnsafePointer<Float>) {
    pass.kernels.normalize(
      Normalization(
        extent(slice), x: source(pass.map(input, slice), input.map),
        out: target(pass.map(output, slice), output.map), channels: channels, relu: relu))
  }

  /// The gradients of a whole batch, or group, which come with the sums, are counted in its first shard; those of all others
  /// are 0.
  func parameterGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    guard type.groupExamples == nil else { return groupGradients(pass, slice, into: target) }
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

  private func groupGradients(_ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget) {
    // One after the other: a loop over an array of both would allocate it.
    groupGradient(weight, .weightGradient, pass, slice, into: target)
    groupGradient(bias, .biasGradient, pass, slice, into: target)
  }

  private func groupGradient(
    _ parameter: PlacedParameter?, _ row: Kept, _ pass: borrowing Pass, _ slice: ImageSlice,
    into target: GradientTarget
  ) {
    guard let parameter, slice.startsShard else { return }
    let (place, count) = (target.flat + parameter.offset, parameter.parameter.packedCount)
    if slice.shard.count > capacity.shard {
      pass.sumOverShards(of: slice, capacity, into: place, count: count) { shard, sum in
        setGradient(pass, shard, row, count, into: sum)
      }
    } else if !target.addsShard {
      setGradient(pass, slice, row, count, into: place)
    } else if let values = gradient(pass, slice, row) {
      pass.kernels.add(values, place, lanes)
    }
  }

  /// The group's gradient at its first shard; `nil` at the others.
  private func gradient(_ pass: borrowing Pass, _ slice: ImageSlice, _ row: Kept) -> UnsafePointer<Float>? {
    guard let size = type.groupExamples, slice.first.isMultiple(of: size) else { return nil }
    return UnsafePointer(kept(pass, slice.first / size) + row.rawValue * lanes)
  }

  private func setGradient(
    _ pass: borrowing Pass, _ slice: ImageSlice, _ row: Kept, _ count: Int, into place: UnsafeMutablePointer<Float>
  ) {
    place.update(repeating: 0, count: count)
    if let values = gradient(pass, slice, row) { place.update(from: values, count: channels) }
  }

  func inputGradient(_ pass: borrowing Pass, _ slice: ImageSlice, of _: Int) {
    forEachGroup(slice) { part, group in
      pass.kernels.normalizeGradient(
        NormalizationGradient(
          extent(part), x: source(pass.map(input, part), input.map),
          dout: source(pass.gradient(output, part), output.gradient),
          dx: target(pass.gradient(input, part), input.gradient),
          channels: kept(pass, group) + Kept.gradientMean.rawValue * lanes))
    }
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

import Diagnostics
import KernelInterface

/// Turns a graph of layers into layers at work: which layer applies which ReLU, where every value is, and for how long.
struct NetworkLayout {
  private let graph: ModelGraph
  private let capacity: ImageCapacity
  private let sizes: BlockSizes
  private let computesInputGradient: Bool
  /// The layers at work, before and after they are placed.
  private var sites: [Site] = []
  /// By value of the graph: where it lies, a number of `maps`; the images' is 0.
  private var storage: [Int]
  private(set) var maps: [MapLayout] = []
  private(set) var gradients: [MapLayout] = []
  private(set) var storesGradient: [Bool] = []
  /// By gradient: the one that it is, or begins as, see `passOnGradients`.
  private(set) var gradientRoots: [Int] = []
  /// By value: the layer that adds its gradient to what lies there.
  private var adders: [Int: Int] = [:]
  private(set) var parameters = ParameterTable()
  private(set) var schedule = Schedule([], inputs: [])
  private(set) var layers: [any Layer] = []
  private(set) var work: [LayerWork] = []
  private(set) var preparedCount = 0
  private(set) var frontCount = 0

  /// A layer at work that has no place yet.
  private struct Site {
    /// Number in the model.
    var number: Int
    var kind: LayerKind
    var relu: FusedReLU?
    var inputs: [Int]
    var parameters: Range<Int> = 0..<0
    var demands = LayerDemands()
    var block = 1
  }

  init(
    _ graph: ModelGraph, capacity: ImageCapacity, sizes: BlockSizes, computesInputGradient: Bool
  ) throws(UserError) {
    self.graph = graph
    self.capacity = capacity
    self.sizes = sizes
    self.computesInputGradient = computesInputGradient
    storage = [Int](repeating: 0, count: graph.values.count)
    let input = graph.model.input
    maps = [
      MapLayout(
        shape: input, channelStride: readsUnpaddedImages ? input.channels : roundUp(input.channels, to: 16))
    ]
    let end = graph.layers.firstIndex { $0.kind.traits.contains(.takesChunks) } ?? graph.layers.count
    for number in graph.workingOrder(before: end) { try addSite(number) }
    frontCount = sites.firstIndex { $0.kind.traits.contains(.takesChunks) } ?? sites.count
    addParameters()
    schedule = try makeSchedule()
    storesGradient = maps.indices.map(needsGradient)
    gradients = maps.map { MapLayout(shape: $0.shape, channelStride: $0.channelStride) }
  }

  /// Whether all layers that read the images take pixels that are not padded to whole vectors.
  private var readsUnpaddedImages: Bool {
    !computesInputGradient
      && graph.readers(of: 0).allSatisfy { graph.layers[$0].kind.traits.contains(.readsUnpaddedInput) }
  }

  // MARK: Which layers work

  private mutating func addSite(_ number: Int) throws(UserError) {
    let layer = graph.layers[number]
    let inputs = layer.inputs.map { storage[$0] }
    guard graph.isAtWork(number) else {
      storage[layer.output] = inputs[0]
      return
    }
    if layer.kind.traits.contains(.isLoss), maps[inputs[0]].shape.height * maps[inputs[0]].shape.width > 1 {
      throw graph.failure(
        number, "softmax over a map of \(maps[inputs[0]].shape) is not supported, it takes one value per class",
        hint: "put a dense layer with one unit per class before it")
    }
    let consumers = graph.values[layer.output].consumers
    let relu = consumers.count == 1 ? graph.appliedBefore(consumers[0]) : nil
    sites.append(Site(number: number, kind: layer.kind, relu: relu, inputs: inputs))
    let shape: ImageShape
    do throws(LayerMisfit) {
      shape = try layer.kind.type.outputShape(stored(inputs, layer)).image
    } catch {
      throw graph.failure(number, error.message, hint: error.hint)
    }
    storage[layer.output] = maps.count
    maps.append(MapLayout(shape: shape, channelStride: roundUp(shape.channels, to: 16)))
  }

  /// The shapes of a layer's inputs as they lie in memory: flat values as the map that was flattened.
  private func stored(_ maps: [Int], _ layer: ModelGraph.Layer) -> [ValueShape] {
    zip(maps, graph.shapes(layer.inputs)).map { ValueShape(self.maps[$0].shape, isFlat: $1.isFlat) }
  }

  /// In the order of the model.
  private mutating func addParameters() {
    var all: [Parameter] = []
    for s in sites.indices.sorted(by: { sites[$0].number < sites[$1].number }) {
      let layer = graph.layers[sites[s].number]
      let first = all.count
      for parameter in layer.kind.type.parameters(stored(sites[s].inputs, layer)) {
        all.append(
          Parameter(parameter, layer: layer.name, channelStride: maps[sites[s].inputs[0]].channelStride))
        all[all.count - 1].isFrozen = !layer.isTrainable
        all[all.count - 1].rateScale = layer.rateScale
      }
      sites[s].parameters = first..<all.count
    }
    parameters = ParameterTable(all)
  }

  /// The front's parameters come first in the flat buffer.
  var frontParameterCount: Int {
    let back = sites[frontCount...].lazy.flatMap(\.parameters).first { parameters.parameters[$0].isTrained }
    return back.map { parameters.parameters[$0].offset } ?? parameters.trainedCount
  }

  var frontSegments: [FrontSegment] {
    schedule.backward.map { segment in
      let range = segment.clamped(to: 0..<frontCount)
      let trained = range.flatMap { sites[$0].parameters }.sorted().map { parameters.parameters[$0] }.filter(
        \.isTrained)
      var floats: [Range<Int>] = []
      for parameter in trained {
        let start = floats.last?.upperBound == parameter.offset ? floats.removeLast().lowerBound : parameter.offset
        floats.append(start..<parameter.offset + parameter.packedCount)
      }
      return FrontSegment(layers: range, floats: floats)
    }
  }

  private func makeSchedule() throws(UserError) -> Schedule {
    var sums: [Schedule.Counts?] = []
    for site in sites {
      guard let type = site.kind.type as? any MeetingLayerType else {
        sums.append(nil)
        continue
      }
      let count = type.meetingSums(graph.shapes(graph.layers[site.number].inputs))
      if let examples = type.groupExamples, !examples.isMultiple(of: capacity.shard) {
        throw graph.failure(
          site.number,
          "virtual_batch_size \(examples) is not a multiple of runtime.shard_size \(capacity.shard), and a group is whole "
            + "shards")
      }
      sums.append(
        Schedule.Counts(
          forward: count.forward, backward: count.backward, groupShards: type.groupExamples.map { $0 / capacity.shard })
      )
    }
    // Layer l at work writes value l + 1.
    return Schedule(sums, inputs: sites.map { $0.inputs.map { $0 - 1 } })
  }

  // MARK: Readers

  private func consumers(_ value: Int) -> [Int] { sites.indices.filter { sites[$0].inputs.contains(value) } }

  /// Whether the gradient of a value exists: some layer before it has parameters, or all gradients are requested; never for
  /// the probabilities.
  private func needsGradient(_ value: Int) -> Bool {
    guard value < maps.count - 1 else { return false }
    return computesInputGradient || isTrained(before: value)
  }

  private func isTrained(before value: Int) -> Bool {
    guard value > 0 else { return false }
    let site = sites[value - 1]
    return site.parameters.contains { parameters.parameters[$0].isTrained }
      || site.inputs.contains(where: isTrained(before:))
  }

  // MARK: Blocks, halos and residences

  /// Decides on blocks, lays out maps and gradients, then places what depends on them.
  mutating func placeLayers() throws(UserError) {
    for s in sites.indices {
      do throws(LayerMisfit) {
        sites[s].demands = try sites[s].kind.type.demands(site(s))
      } catch {
        throw graph.failure(sites[s].number, error.message, hint: error.hint)
      }
    }
    setBlocks()
    for value in maps.indices {
      maps[value].residence = residence(ofMap: value)
      gradients[value].residence = residence(ofGradient: value)
    }
    for (s, site) in sites.enumerated() {
      for value in site.inputs { maps[value].halo.extend(to: site.demands.inputHalo) }
      gradients[s + 1].halo.extend(to: site.demands.gradientHalo)
    }
    // Kernels find images by offsets of 32 bits.
    for map in maps + gradients where map.imageStride > Int(Int32.max) / capacity.chunk {
      throw UserError(
        .badConfiguration, "runtime.shard_size",
        "\(capacity.chunk) examples of \(map.shape) take \(capacity.chunk) × \(map.imageStride) values; allowed: at "
          + "most \(Int32.max) together")
    }
    passOnGradients()
    addWork()
    for s in sites.indices {
      layers.append(sites[s].kind.type.layer(place(s)))
      preparedCount += layers[s].memory.prepared
    }
  }

  private func site(_ s: Int) -> LayerSite {
    let site = sites[s]
    return LayerSite(
      name: graph.layers[site.number].name, inputs: site.inputs.map { maps[$0].shape }, output: maps[s + 1].shape,
      inputMaps: site.inputs.map { maps[$0] }, outputMap: maps[s + 1], sizes: sizes,
      needsInputGradient: site.inputs.contains { storesGradient[$0] })
  }

  /// Blocks of a power of two images: as many as the layer asks for, and at least as many as the layer before it takes.
  private mutating func setBlocks() {
    var block = 1
    for s in 0..<frontCount {
      while block < min(sites[s].demands.imagesPerBlock, capacity.shard) { block *= 2 }
      sites[s].block = block
    }
    for s in frontCount..<sites.count { sites[s].block = capacity.shard }
  }

  /// A value that the front writes and reads within a block is kept for a block; one that a backward pass reads, or that is
  /// read after a meeting, for a chunk; one that the others read, for a run.
  private func residence(ofMap value: Int) -> Residence {
    let consumers = consumers(value)
    guard let last = consumers.last, last < frontCount else { return .run }
    return isHandedOn(value) || isComputedAgain(value) ? .block(sites[last].block) : .chunk
  }

  /// Whether a value's readers take it block by block as it comes, and need it no more.
  private func isHandedOn(_ value: Int) -> Bool {
    guard value > 0, !sites[value - 1].kind.traits.contains(.readsOutput) else { return false }
    let producer = value - 1
    let isMasked = sites[producer].relu != nil
    return consumers(value).allSatisfy {
      let traits = sites[$0].kind.traits
      return (traits.contains(.forgetsInput) || (traits.contains(.forgetsUnmaskedInput) && !isMasked))
        && sites[$0].block == sites[producer].block
        && schedule.segment(ofForward: $0) == schedule.segment(ofForward: producer)
    }
  }

  /// Whether the only reader of a value, a layer of the front that follows without a meeting, has it computed once more in
  /// its backward pass.
  private func isComputedAgain(_ value: Int) -> Bool {
    guard value > 0, sites[value - 1].kind.traits.contains(.recomputesOutput), !isHandedOn(value) else { return false }
    let readers = consumers(value)
    return readers.count == 1 && readers[0] < frontCount
      && schedule.segment(ofForward: readers[0]) == schedule.segment(ofForward: value - 1)
  }

  private func residence(ofGradient value: Int) -> Residence {
    let consumers = consumers(value)
    guard let last = consumers.last else { return .run }
    let producer = value - 1
    guard producer >= 0 ? producer < frontCount : last < frontCount else { return .run }
    let isHandedOn =
      value > 0 && last < frontCount
      && consumers.allSatisfy { schedule.segment(ofBackward: $0) == schedule.segment(ofBackward: producer) }
    return isHandedOn ? .block(sites[last].block) : .chunk
  }

  // MARK: Places

  /// The gradient of a sum is that of both its sides, and lies in one place with theirs if they have one layout. Where another
  /// layer reads a side, too, that layer adds to it and masks the result; so the gradient of a chain of residual blocks is one
  /// map, to which each block adds its own.
  private mutating func passOnGradients() {
    gradientRoots = Array(gradients.indices)
    // By root: the value whose gradient it is since a layer has added to it.
    var changed: [Int: Int] = [:]
    for (s, site) in sites.enumerated().reversed() {
      let (output, root) = (s + 1, gradientRoots[s + 1])
      guard site.kind.traits.contains(.passesGradient), Set(site.inputs).count == site.inputs.count,
        changed[root] ?? output == output
      else { continue }
      let sides = site.inputs.filter { $0 > 0 && storesGradient[$0] && gradients[$0] == gradients[output] }
      for value in sides where consumers(value) == [s] && sites[value - 1].relu == nil { gradientRoots[value] = root }
      for value in sides where consumers(value).count == 2 {
        let adder = consumers(value)[0]
        // Layers that read the gradient as it was have done so by then.
        let readers = gradientRoots.indices.filter { gradientRoots[$0] == root }.map { $0 - 1 }
        guard sites[adder].demands.addsInputGradient, readers.allSatisfy({ $0 > adder }) else { continue }
        gradientRoots[value] = root
        adders[value] = adder
        changed[root] = value
        break
      }
    }
  }

  private mutating func addWork() {
    for (s, site) in sites.enumerated() {
      let passesGradient = site.kind.traits.contains(.passesGradient)
      let inputs = site.inputs.map { value -> LayerWork.Input in
        var input = LayerWork.Input(needsGradient: storesGradient[value], gradient: value, written: value)
        input.isPassedOn = passesGradient && gradientRoots[value] == gradientRoots[s + 1]
        input.addsInPlace = adders[value] == s
        // Backward passes run from the last layer to the first: the last consumer stores, the others add.
        if input.needsGradient, consumers(value).last != s, !input.addsInPlace {
          input.written = gradients.count
          gradientRoots.append(gradients.count)
          gradients.append(gradients[value])
          storesGradient.append(true)
        }
        return input
      }
      work.append(
        LayerWork(
          name: graph.layers[site.number].name, number: site.number, inputs: inputs, parameters: site.parameters,
          recomputes: site.inputs.first(where: isComputedAgain).map { $0 - 1 },
          isTrained: site.parameters.contains { parameters.parameters[$0].isTrained }, block: site.block))
    }
  }

  /// By map that the front writes and reads, from the layer that writes it to the last that reads it.
  var mapLives: [ClosedRange<Int>?] {
    maps.indices.map { value in
      guard value > 0, maps[value].residence != .run, let last = consumers(value).last else { return nil }
      return value - 1...last
    }
  }

  /// By gradient that the front writes and reads, from the layer that reads it to the one that writes it first, in the forward
  /// order.
  var gradientLives: [ClosedRange<Int>?] {
    var lives: [ClosedRange<Int>?] = gradients.indices.map { gradient in
      guard gradient > 0, gradient < maps.count, let last = consumers(gradient).last, last < frontCount else {
        return nil
      }
      return gradient - 1...last
    }
    for (s, work) in work.enumerated() {
      for input in work.inputs where input.adds && s < frontCount { lives[input.written] = s...s }
    }
    for (gradient, root) in gradientRoots.enumerated() where gradient != root {
      if let life = lives[gradient], let whole = lives[root] {
        lives[root] = min(life.lowerBound, whole.lowerBound)...max(life.upperBound, whole.upperBound)
      }
      lives[gradient] = nil
    }
    return gradients.indices.map { storesGradient[$0] && gradients[$0].residence != .run ? lives[$0] : nil }
  }

  private func value(_ value: Int, gradient: Int) -> PlacedValue {
    PlacedValue(
      shape: maps[value].shape, map: maps[value], gradient: gradients[gradient], mapIndex: value,
      gradientIndex: gradient, relu: value > 0 ? sites[value - 1].relu : nil)
  }

  private func place(_ s: Int) -> LayerPlace {
    let site = sites[s]
    return LayerPlace(
      name: work[s].name, index: s, number: site.number,
      inputs: zip(site.inputs, work[s].inputs).map { value($0, gradient: $1.written) },
      output: value(s + 1, gradient: s + 1),
      parameters: site.parameters.map { PlacedParameter(index: $0, parameter: parameters.parameters[$0]) },
      relu: site.relu, needsInputGradient: work[s].inputs.map(\.needsGradient),
      addsInputGradient: work[s].inputs.map(\.addsInPlace),
      preparedOffset: preparedCount, block: site.block, capacity: capacity, sizes: sizes,
      sums: schedule.sums.firstIndex { $0.layer == s })
  }
}

import KernelInterface

/// A pass of one layer over a worker's images.
package enum LayerPass: String, Sendable, CaseIterable {
  /// Sums that a meeting needs: of a layer's inputs before its forward pass, of the gradient of its output before its
  /// backward pass.
  case inputSums = "input_sums"
  case forward
  case gradientSums = "gradient_sums"
  case inputGradient = "input_gradient"
  case weightGradient = "weight_gradient"
}

/// A layer at work, as benchmarks see it.
package struct LayerWorkload: Sendable, Hashable {
  /// Number of the layer at work.
  package var index: Int
  package var name: String
  /// What a configuration calls its type.
  package var type: String
  /// As `Layer.algorithm`.
  package var algorithm: String
  /// In the order of a step.
  package var passes: [LayerPass]
  /// Floating-point operations of a pass over one image, counted as the direct method's 2·(products); 0 for a layer without
  /// products.
  package var operationsPerImage: Double
  /// Bytes of the layer's inputs, of its output and of its weights.
  package var inputBytes: Double
  package var outputBytes: Double
  package var weightBytes: Double

  /// The fewest bytes that a pass over one image has to move, not counting weights: what it reads and writes once.
  package func bytesPerImage(_ pass: LayerPass) -> Double {
    switch pass {
    case .inputSums: inputBytes
    case .forward, .weightGradient, .gradientSums: inputBytes + outputBytes
    // A norm's gradient follows from its input, too.
    case .inputGradient: passes.contains(.gradientSums) ? 2 * inputBytes + outputBytes : inputBytes + outputBytes
    }
  }
}

extension NetworkPlan {
  /// All layers at work in order, without the last one, which computes the loss.
  package var workloads: [LayerWorkload] {
    layers.indices.dropLast().map { l in
      let layer = graph.layers[work[l].number]
      let (inputs, output) = (graph.shapes(layer.inputs), graph.values[layer.output].shape)
      let computesInputGradient = work[l].inputs.contains(where: \.isComputed)
      let meets = layers[l] is any MeetingLayer
      let passes = LayerPass.allCases.filter { pass in
        switch pass {
        case .inputSums, .gradientSums: meets
        case .forward: true
        case .inputGradient: computesInputGradient
        // Those of a layer that meets follow from its sums.
        case .weightGradient: work[l].isTrained && !meets
        }
      }
      let weights = work[l].parameters.reduce(0) { sum, p in
        let parameter = parameters.parameters[p]
        return parameter.role == .weight ? sum + parameter.elementCount : sum
      }
      return LayerWorkload(
        index: l, name: layer.name, type: layer.kind.typeName, algorithm: layers[l].algorithm, passes: passes,
        operationsPerImage: 2 * Double(layer.kind.type.products(inputs, output: output)),
        inputBytes: 4 * inputs.reduce(0) { $0 + Double($1.image.elementCount) },
        outputBytes: 4 * Double(output.image.elementCount), weightBytes: 4 * Double(weights))
    }
  }

  /// One pass of one layer over a whole chunk, as training takes it: for benchmarks.
  ///
  /// - Parameter sums: room for the sums of all shards of the chunk, in a network with meetings.
  package func run(
    _ kind: LayerPass, layer l: Int, _ w: Workspace, into target: UnsafeMutablePointer<Float>,
    sums: UnsafeMutablePointer<Double>, _ inputs: borrowing PassInputs
  ) {
    let pass = benchmarkPass(w, inputs)
    func run(_ slice: ImageSlice) {
      switch kind {
      case .forward: layers[l].forward(pass, slice)
      case .inputGradient: inputGradients(l, pass, slice)
      case .weightGradient: layers[l].parameterGradients(pass, slice, into: GradientTarget(flat: target))
      case .inputSums, .gradientSums: runSums(kind, layer: l, pass, slice, into: sums)
      }
    }
    let isOfShards = kind == .inputSums || kind == .gradientSums
    guard l < frontCount || isOfShards else { return run(wholeChunk(0..<capacity.chunk)) }
    for first in stride(from: 0, to: capacity.chunk, by: capacity.shard) {
      let shard = first..<first + capacity.shard
      let slice = ImageSlice(first: first, count: shard.count, chunkStart: 0, shard: shard)
      if isOfShards { run(slice) } else { slice.forEachBlock(of: work[l].block, run) }
    }
  }

  private func runSums(
    _ kind: LayerPass, layer l: Int, _ pass: borrowing Pass, _ shard: ImageSlice,
    into sums: UnsafeMutablePointer<Double>
  ) {
    guard let number = schedule.sums.firstIndex(where: { $0.layer == l }) else { return }
    let own = schedule.sums[number]
    let place = sums + shard.first / capacity.shard * schedule.sumsPerShard
    if kind == .inputSums {
      meetingLayers[number].sumInputs(pass, shard, into: place + own.forward.lowerBound)
    } else {
      meetingLayers[number].sumGradients(pass, shard, into: place + own.backward.lowerBound)
    }
  }

  /// A pass over one chunk, which is the whole batch.
  private func benchmarkPass(_ w: Workspace, _ inputs: borrowing PassInputs) -> Pass {
    var pass = Pass(w, inputs)
    pass.batch = capacity.chunk
    pass.startsBatch = true
    return pass
  }

  /// All meetings' sums of a batch of `shards` shards, as each worker adds them in a step: for benchmarks. Of groups whose
  /// sums are added without waiting, those of a chunk, the worker's share.
  package func addSums(_ sums: UnsafeMutablePointer<Double>, of shards: Int, _ w: Workspace) {
    for (number, all) in schedule.sums.enumerated() {
      let added = all.groupShards == nil ? shards : min(shards, capacity.chunk / capacity.shard)
      let size = all.groupShards ?? shards
      for (group, first) in stride(from: 0, to: added, by: size).enumerated() {
        let own = first..<min(first + size, added)
        add(sums, all.forward, of: own, into: w.inputTotals[number] + group * all.forward.count)
        add(sums, all.backward, of: own, into: w.gradientTotals[number] + group * all.backward.count)
      }
    }
  }

  /// Fills all activations and gradients with small numbers, so that benchmarks meet no zeros and no denormals, and holds
  /// all meetings over them.
  ///
  /// - Parameter sums: as of `run`.
  package func fillForBenchmark(_ w: Workspace, sums: UnsafeMutablePointer<Double>, _ inputs: borrowing PassInputs) {
    for (i, map) in maps.enumerated() { fill(w.maps[i], map) }
    for (i, map) in gradients.enumerated() where storesGradient[i] { fill(w.gradients[i], map) }
    guard schedule.hasMeetings else { return }
    let pass = benchmarkPass(w, inputs)
    for own in schedule.sums {
      for kind in [LayerPass.inputSums, .gradientSums] {
        for first in stride(from: 0, to: capacity.chunk, by: capacity.shard) {
          let shard = first..<first + capacity.shard
          let slice = ImageSlice(first: first, count: shard.count, chunkStart: 0, shard: shard)
          runSums(kind, layer: own.layer, pass, slice, into: sums)
        }
      }
    }
    let shards = capacity.chunk / capacity.shard
    addSums(sums, of: shards, w)
    for (own, layer) in zip(schedule.sums, meetingLayers) {
      forEachGroup(of: own, in: 0..<shards, pass) { pass, _ in
        layer.inputsSummed(pass)
        layer.gradientsSummed(pass)
      }
    }
  }

  /// Fills what the passes of a layer read once more: others before may have left constants or zeros there, for which some
  /// kernels have shorter ways.
  package func refillForBenchmark(_ w: Workspace, layer l: Int) {
    // A value's gradient has its number.
    for value in work[l].inputs.map(\.gradient) + [l + 1] { fill(w.maps[value], maps[value]) }
    if storesGradient[l + 1] { fill(w.gradients[l + 1], gradients[l + 1]) }
  }

  private func fill(_ base: UnsafeMutablePointer<Float>, _ map: MapLayout) {
    for n in 0..<capacity.images(map.residence) {
      for i in 0..<map.shape.height {
        for j in 0..<map.shape.width {
          let pixel = base + n * map.imageStride + map.offset(i, j)
          for c in 0..<map.shape.channels { pixel[c] = Float((n + 3 * i + 5 * j + 7 * c) % 13) * 0.01 - 0.05 }
        }
      }
    }
  }
}

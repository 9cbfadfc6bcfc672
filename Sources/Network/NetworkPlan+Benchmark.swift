import KernelInterface

/// One of the three passes a layer with parameters takes part in.
package enum LayerPass: String, Sendable, CaseIterable {
  case forward
  case inputGradient = "input_gradient"
  case weightGradient = "weight_gradient"
}

/// A layer with parameters, as benchmarks see it.
package struct TrainableLayer: Sendable, Hashable {
  /// Number of the layer at work.
  package var index: Int
  package var name: String
  /// `direct`, `winograd`, `grouped`, `depthwise` or `gemm`.
  package var algorithm: String
  package var passes: [LayerPass]
  /// Floating-point operations of one pass over one image, counted as the direct method's 2·(products).
  package var operationsPerImage: Double
  /// The fewest bytes one pass over one image has to move: both its maps, not counting weights, see `weightBytes`.
  package var bytesPerImage: Double
  package var weightBytes: Double
}

extension NetworkPlan {
  /// The layers with parameters in order.
  package var trainableLayers: [TrainableLayer] {
    layers.indices.filter { work[$0].hasParameters }.map { l in
      let layer = graph.layers[work[l].number]
      let (inputs, output) = (graph.shapes(layer.inputs), graph.values[layer.output].shape)
      let needsInputGradient = work[l].inputs.contains(where: \.needsGradient)
      let values = inputs.reduce(output.image.elementCount) { $0 + $1.image.elementCount }
      return TrainableLayer(
        index: l, name: layer.name, algorithm: layers[l].algorithm,
        passes: LayerPass.allCases.filter { $0 != .inputGradient || needsInputGradient },
        operationsPerImage: 2 * Double(layer.kind.type.products(inputs, output: output)),
        bytesPerImage: 4 * Double(values),
        weightBytes: 4
          * work[l].parameters.reduce(0.0) { sum, p in
            let parameter = parameters.parameters[p]
            return parameter.role == .weight ? sum + Double(parameter.elementCount) : sum
          })
    }
  }

  /// One pass of one layer over a whole chunk, as training takes it: for benchmarks.
  package func run(
    _ kind: LayerPass, layer l: Int, _ w: Workspace, into target: UnsafeMutablePointer<Float>,
    _ inputs: borrowing PassInputs
  ) {
    let pass = Pass(w, inputs)
    func run(_ slice: ImageSlice) {
      switch kind {
      case .forward: layers[l].forward(pass, slice)
      case .inputGradient: inputGradients(l, pass, slice)
      case .weightGradient: layers[l].parameterGradients(pass, slice, into: GradientTarget(flat: target))
      }
    }
    guard l < frontCount else { return run(wholeChunk(0..<capacity.chunk)) }
    for first in stride(from: 0, to: capacity.chunk, by: capacity.shard) {
      let shard = first..<first + capacity.shard
      let slice = ImageSlice(first: first, count: shard.count, chunkStart: 0, shard: shard)
      slice.forEachBlock(of: work[l].block, run)
    }
  }

  /// All meetings' sums of a batch of `shards` shards, as each worker adds them in a step: for benchmarks.
  package func addSums(_ sums: UnsafeMutablePointer<Double>, of shards: Int, _ w: Workspace) {
    for (number, meeting) in schedule.meetings.enumerated() {
      add(sums, meeting.forward, of: shards, into: w.inputTotals[number])
      add(sums, meeting.backward, of: shards, into: w.gradientTotals[number])
    }
  }

  /// Fills all activations and gradients with small numbers, so that benchmarks meet no zeros and no denormals.
  package func fillForBenchmark(_ w: Workspace) {
    for (i, map) in maps.enumerated() { fill(w.maps[i], map) }
    for (i, map) in gradients.enumerated() where storesGradient[i] { fill(w.gradients[i], map) }
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

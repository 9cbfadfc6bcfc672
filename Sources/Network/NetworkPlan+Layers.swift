import KernelInterface

/// One of the three passes a layer with parameters takes part in.
package enum LayerPass: String, Sendable, CaseIterable {
  case forward
  case inputGradient = "input_gradient"
  case weightGradient = "weight_gradient"
}

/// A layer with parameters, as benchmarks see it.
package struct TrainableLayer: Sendable, Hashable {
  package var stage: Int
  package var name: String
  /// `direct`, `winograd` or `gemm`.
  package var algorithm: String
  package var passes: [LayerPass]
  /// Floating-point operations of one pass over one image, counted as the direct method's 2·(products).
  package var operationsPerImage: Double
  /// Bytes one pass over one image has to move at least: its map, its gradient and, once per image, nothing of the weights.
  package var bytesPerImage: Double
  package var weightBytes: Double
}

extension NetworkPlan {
  /// The layers with parameters in order.
  package var trainableLayers: [TrainableLayer] {
    stages.indices.compactMap { i in
      let output = maps[i + 1].shape
      func layer(_ name: String, _ algorithm: String, _ weight: Int, needsInputGradient: Bool) -> TrainableLayer {
        let parameter = parameters.parameters[weight]
        return TrainableLayer(
          stage: i, name: name, algorithm: algorithm,
          passes: LayerPass.allCases.filter { $0 != .inputGradient || needsInputGradient },
          operationsPerImage: 2 * Double(output.height * output.width) * Double(parameter.elementCount),
          bytesPerImage: 4 * Double(maps[i].shape.elementCount + output.elementCount),
          weightBytes: 4 * Double(parameter.elementCount))
      }
      switch stages[i] {
      case .convolution(let s):
        return layer(
          s.name, s.winograd == nil ? "direct" : "winograd", s.weight, needsInputGradient: s.needsInputGradient)
      case .dense(let s): return layer(s.name, "gemm", s.weight, needsInputGradient: s.needsInputGradient)
      case .pool, .relu, .softmax: return nil
      }
    }
  }

  /// One pass of one stage over a whole chunk, as training takes it: for benchmarks.
  package func run(
    _ pass: LayerPass, stage i: Int, _ w: Workspace, into target: UnsafeMutablePointer<Float>,
    _ inputs: borrowing PassInputs
  ) {
    guard i < frontCount else {
      let chunk = wholeChunk(0..<capacity.chunk)
      switch pass {
      case .forward: return forward(stage: i, w, chunk, inputs)
      case .inputGradient: return inputGradient(stage: i, w, chunk, inputs)
      case .weightGradient: return parameterGradients(stage: i, w, examples: capacity.chunk, into: target, inputs)
      }
    }
    for first in stride(from: 0, to: capacity.chunk, by: capacity.shard) {
      let shard = first..<first + capacity.shard
      let slice = ImageSlice(first: first, count: shard.count, chunkStart: 0, shard: shard)
      slice.forEachBlock(of: blocks[i]) { block in
        switch pass {
        case .forward: forward(stage: i, w, block, inputs)
        case .inputGradient: inputGradient(stage: i, w, block, inputs)
        case .weightGradient: parameterGradients(stage: i, w, block, into: GradientTarget(flat: target), inputs)
        }
      }
    }
  }

  /// Fills all activations and gradients with small numbers, so that benchmarks meet no zeros and no denormals.
  package func fillForBenchmark(_ w: Workspace) {
    for (i, map) in maps.enumerated() {
      fill(w.maps[i], map)
      if storesGradient(i) { fill(w.gradients[i], gradients[i]) }
    }
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

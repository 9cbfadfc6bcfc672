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

  /// One pass of one stage over the first `examples` images, for benchmarks.
  package func run(
    _ pass: LayerPass, stage i: Int, _ w: Workspace, examples: Int, shardSize: Int, weights: UnsafePointer<Float>,
    prepared: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    switch pass {
    case .forward:
      forward(
        stage: i, w, examples: examples, weights: weights, prepared: prepared, kernels: kernels,
        keepsProbabilities: false)
    case .inputGradient:
      inputGradient(stage: i, w, examples: examples, weights: weights, prepared: prepared, kernels: kernels)
    case .weightGradient:
      parameterGradients(
        stage: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
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
    for n in 0..<maximumExamples {
      for i in 0..<map.shape.height {
        for j in 0..<map.shape.width {
          let pixel = base + n * map.imageStride + map.offset(i, j)
          for c in 0..<map.shape.channels { pixel[c] = Float((n + 3 * i + 5 * j + 7 * c) % 13) * 0.01 - 0.05 }
        }
      }
    }
  }
}

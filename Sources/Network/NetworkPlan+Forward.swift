import KernelInterface

extension NetworkPlan {
  /// The forward pass of the first `examples` images of the workspace, to probabilities in the last map.
  ///
  /// Also writes losses and correctness of each example whose label is not negative. With `keepsProbabilities` the
  /// probabilities are kept, without it the gradient of the logits.
  package func forward(
    _ w: Workspace, examples: Int, weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>, kernels: KernelTable,
    keepsProbabilities: Bool
  ) {
    for i in stages.indices {
      forward(
        stage: i, w, examples: examples, weights: weights, prepared: prepared, kernels: kernels,
        keepsProbabilities: keepsProbabilities)
    }
  }

  /// The forward pass of one stage.
  func forward(
    stage i: Int, _ w: Workspace, examples: Int, weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>,
    kernels: KernelTable, keepsProbabilities: Bool
  ) {
    switch stages[i] {
    case .convolution(let s):
      if let plan = s.winograd {
        winogradForward(
          s, plan, at: i, w, examples: examples, weights: weights, prepared: prepared, kernels: kernels)
      } else if let tables = s.tables {
        directForward(s, tables, at: i, w, examples: examples, weights: weights, kernels: kernels)
      }
    case .dense(let s): denseForward(s, at: i, w, examples: examples, weights: weights, kernels: kernels)
    case .pool(let s):
      let p = poolArguments(s, at: i, images: examples)
      kernels.poolForward(s.kind, p, w.maps[i] + maps[i].origin, w.maps[i + 1] + maps[i + 1].origin)
    case .relu:
      forEachRow(of: i, examples: examples) { from, to, count in
        kernels.relu(w.maps[i] + from, w.maps[i + 1] + to, count)
      }
    case .softmax(let classes):
      kernels.softmax(
        SoftmaxArguments(
          examples: examples, classes: classes, logits: w.maps[i], stride: maps[i].imageStride, labels: w.labels,
          probabilities: keepsProbabilities ? w.maps[i + 1] : nil,
          gradient: keepsProbabilities ? nil : w.gradients[i], losses: w.losses, correct: w.correct))
    }
  }

  func poolArguments(_ s: PoolStage, at i: Int, images: Int) -> PoolArguments {
    PoolArguments(
      images: images, outHeight: maps[i + 1].shape.height, outWidth: maps[i + 1].shape.width,
      channels: maps[i].channelStride, xRow: maps[i].rowStride, xImage: maps[i].imageStride,
      outRow: maps[i + 1].rowStride, outImage: maps[i + 1].imageStride, dxRow: gradients[i].rowStride,
      dxImage: gradients[i].imageStride, doutRow: gradients[i + 1].rowStride, doutImage: gradients[i + 1].imageStride,
      inputIsReLU: s.inputIsReLU)
  }

  /// Calls `body` with the offsets of each row of map i and of map i + 1, which have the same shape.
  private func forEachRow(of i: Int, examples: Int, _ body: (Int, Int, Int) -> Void) {
    let count = maps[i].shape.width * maps[i].channelStride
    for n in 0..<examples {
      for row in 0..<maps[i].shape.height {
        body(
          n * maps[i].imageStride + maps[i].offset(row, 0), n * maps[i + 1].imageStride + maps[i + 1].offset(row, 0),
          count)
      }
    }
  }
}

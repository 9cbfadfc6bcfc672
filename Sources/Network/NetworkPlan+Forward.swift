import KernelInterface

extension NetworkPlan {
  /// The forward pass of the first `examples` images of the workspace, to probabilities in the last map.
  ///
  /// Also writes losses and correctness of each example whose label is not negative.
  package func forward(
    _ w: Workspace, examples: Int, weights: UnsafePointer<Float>, kernels: KernelTable, keepsProbabilities: Bool
  ) {
    for (i, stage) in stages.enumerated() {
      switch stage {
      case .correlation(let s): forward(s, at: i, w, examples: examples, weights: weights, kernels: kernels)
      case .pool(let s):
        let p = poolArguments(s, at: i, images: examples)
        kernels.poolForward(s.kind, p, w.maps[i] + maps[i].origin, w.maps[i + 1] + maps[i + 1].origin)
      case .relu:
        forEachRow(of: i, examples: examples) { from, to, count in
          kernels.relu(w.maps[i] + from, w.maps[i + 1] + to, count)
        }
      case .softmax(let classes):
        let logits = maps[i]
        kernels.softmax(
          SoftmaxArguments(
            examples: examples, classes: classes, logits: w.maps[i], stride: logits.imageStride, labels: w.labels,
            probabilities: keepsProbabilities ? w.maps[i + 1] : nil,
            gradient: keepsProbabilities ? nil : w.gradients[i], losses: w.losses, correct: w.correct))
      }
    }
  }

  private func forward(
    _ s: CorrelationStage, at i: Int, _ w: Workspace, examples: Int, weights: UnsafePointer<Float>,
    kernels: KernelTable
  ) {
    let input = maps[i]
    let output = maps[i + 1]
    let weight = parameters.parameters[s.weight]
    var sum = TileSum(
      a: w.maps[i], aOffsets: s.tables.forwardInput.base, b: weights + weight.offset, out: w.maps[i + 1],
      outOffsets: s.tables.forwardOutput.base)
    sum.lanes = output.channelStride
    sum.bBlock = weight.rows * 32
    sum.bias = weights + parameters.parameters[s.bias].offset
    sum.epilogue = s.fusesReLU ? .biasReLU : .bias
    if s.isDense {
      sum.rows = examples
      sum.inner = weight.rows
      kernels.tileSum(sum)
      return
    }
    sum.rows = output.shape.height * output.shape.width
    sum.middle = s.kernelHeight
    sum.inner = s.kernelWidth * input.channelStride
    sum.aMiddle = input.rowStride
    sum.bMiddle = sum.inner * 32
    for _ in 0..<examples {
      kernels.tileSum(sum)
      sum.a += input.imageStride
      sum.out += output.imageStride
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

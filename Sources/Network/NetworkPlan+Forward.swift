import KernelInterface

/// Everything the passes read but the workspace: weights, what was prepared of them, and the kernels.
package struct PassInputs {
  package var weights: UnsafePointer<Float>
  package var prepared: UnsafePointer<Float>
  package var kernels: KernelTable
  /// Keeps the probabilities, and no masks for a backward pass; otherwise the gradient of the logits is kept.
  package var isInference: Bool

  package init(
    weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>, kernels: KernelTable, isInference: Bool = false
  ) {
    self.weights = weights
    self.prepared = prepared
    self.kernels = kernels
    self.isInference = isInference
  }
}

extension NetworkPlan {
  /// The forward pass of the `images` of a chunk, numbered in their run, to probabilities in the last map.
  ///
  /// Also writes losses and correctness of each example whose label is not negative.
  package func forward(_ w: Workspace, images: Range<Int>, _ inputs: borrowing PassInputs) {
    var first = images.lowerBound
    while first < images.upperBound {
      let shard = first..<min(first + capacity.shard, images.upperBound)
      let slice = ImageSlice(first: first, count: shard.count, chunkStart: images.lowerBound, shard: shard)
      forward(stages: frontCount, w, slice, inputs)
      first = shard.upperBound
    }
    for i in frontCount..<stages.count { forward(stage: i, w, wholeChunk(images), inputs) }
  }

  /// A chunk as the stages behind the front take it.
  func wholeChunk(_ images: Range<Int>) -> ImageSlice {
    ImageSlice(first: images.lowerBound, count: images.count, chunkStart: images.lowerBound, shard: images)
  }

  /// The first `count` stages: each takes its block as soon as the stages before it have computed that block.
  private func forward(stages count: Int, _ w: Workspace, _ slice: ImageSlice, _ inputs: borrowing PassInputs) {
    guard count > 0 else { return }
    slice.forEachBlock(of: blocks[count - 1]) { block in
      forward(stages: count - 1, w, block, inputs)
      forward(stage: count - 1, w, block, inputs)
    }
  }

  /// The forward pass of one stage.
  func forward(stage i: Int, _ w: Workspace, _ slice: ImageSlice, _ inputs: borrowing PassInputs) {
    switch stages[i] {
    case .convolution(let s):
      if let plan = s.winograd {
        winogradForward(s, plan, at: i, w, slice, inputs)
      } else if let tables = s.tables {
        directForward(s, tables, at: i, w, slice, inputs)
      }
    case .dense(let s): denseForward(s, at: i, w, slice, inputs)
    case .pool(let s):
      inputs.kernels.poolForward(
        s.kind, poolArguments(s, at: i, images: slice.count), map(i, w, slice) + maps[i].origin,
        map(i + 1, w, slice) + maps[i + 1].origin, inputs.isInference ? nil : mask(i, w, slice))
    case .relu:
      forEachRow(of: i, images: slice.count) { from, to, count in
        inputs.kernels.relu(map(i, w, slice) + from, map(i + 1, w, slice) + to, count)
      }
    case .softmax(let classes):
      inputs.kernels.softmax(
        SoftmaxArguments(
          examples: slice.count, classes: classes, logits: map(i, w, slice), stride: maps[i].imageStride,
          labels: w.labels + slice.first, probabilities: inputs.isInference ? map(i + 1, w, slice) : nil,
          gradient: inputs.isInference ? nil : gradient(i, w, slice) + gradients[i].origin,
          gradientStride: gradients[i].imageStride, losses: w.losses + slice.first, correct: w.correct + slice.first))
    }
  }

  // MARK: Where a slice lies

  /// The first image of a slice in map `i`.
  func map(_ i: Int, _ w: Workspace, _ slice: ImageSlice) -> UnsafeMutablePointer<Float> {
    w.maps[i] + maps[i].start(of: slice)
  }

  /// The first image of a slice in the gradient of map `i`.
  func gradient(_ i: Int, _ w: Workspace, _ slice: ImageSlice) -> UnsafeMutablePointer<Float> {
    w.gradients[i] + gradients[i].start(of: slice)
  }

  /// The mask of a slice's first image in pool `i`.
  func mask(_ i: Int, _ w: Workspace, _ slice: ImageSlice) -> UnsafeMutablePointer<Int32> {
    w.masks[i] + (i < frontCount ? slice.first - slice.chunkStart : slice.first) * maskImage(i)
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
  private func forEachRow(of i: Int, images: Int, _ body: (Int, Int, Int) -> Void) {
    let count = maps[i].shape.width * maps[i].channelStride
    for n in 0..<images {
      for row in 0..<maps[i].shape.height {
        body(
          n * maps[i].imageStride + maps[i].offset(row, 0), n * maps[i + 1].imageStride + maps[i + 1].offset(row, 0),
          count)
      }
    }
  }
}

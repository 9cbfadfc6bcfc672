extension NetworkPlan {
  /// The forward pass of the `images` of a chunk, numbered in their run, to probabilities in the last map.
  ///
  /// Also writes losses and correctness of each example whose label is not negative.
  package func forward(_ w: Workspace, images: Range<Int>, _ inputs: borrowing PassInputs) {
    forward(layers: layers.indices, Pass(w, inputs), images) { _ in }
  }

  /// Some consecutive layers over a chunk: those of the front shard by shard, each taking its block as soon as the ones
  /// before it have computed that block; then the others, each the whole chunk at once.
  ///
  /// `computed` is called with each block that the last of the front's layers has computed, shard by shard, in order.
  func forward(
    layers range: Range<Int>, _ pass: borrowing Pass, _ images: Range<Int>, computed: (ImageSlice) -> Void
  ) {
    let front = range.clamped(to: 0..<frontCount)
    if !front.isEmpty {
      var first = images.lowerBound
      while first < images.upperBound {
        let shard = first..<min(first + capacity.shard, images.upperBound)
        let slice = ImageSlice(first: first, count: shard.count, chunkStart: images.lowerBound, shard: shard)
        let last = front.upperBound - 1
        slice.forEachBlock(of: work[last].block) { block in
          pass.memory.ahead.enter(first: block.first, count: block.count)
          forward(upTo: last, from: front.lowerBound, pass, block, computed)
        }
        first = shard.upperBound
      }
    }
    for l in range.clamped(to: frontCount..<layers.count) { layers[l].forward(pass, wholeChunk(images)) }
  }

  /// A chunk as the layers after the front take it.
  func wholeChunk(_ images: Range<Int>) -> ImageSlice {
    ImageSlice(first: images.lowerBound, count: images.count, chunkStart: images.lowerBound, shard: images)
  }

  private func forward(
    upTo last: Int, from first: Int, _ pass: borrowing Pass, _ slice: ImageSlice, _ computed: (ImageSlice) -> Void
  ) {
    slice.forEachBlock(of: work[last].block) { block in
      if last > first { forward(upTo: last - 1, from: first, pass, block) { _ in } }
      layers[last].forward(pass, block)
      computed(block)
    }
  }
}

/// Consecutive images of one run that a stage computes together.
///
///     run ⊇ chunk ⊇ shard ⊇ block
///
/// - A *run* is what one worker sums without a gradient buffer of its own per shard; dense weight gradients are computed
///   for a whole run at once.
/// - A *chunk* is as many shards as have room for their activations; dense layers take a chunk at a time.
/// - A *block* is as many images of a shard as a convolution or pool takes at a time, so that what one stage writes is
///   still in the cache when the next reads it.
///
/// All of them change speed and memory only: sums run in the same order.
package struct ImageSlice: Sendable {
  /// Number of the first image in the run.
  package var first: Int
  package var count: Int
  /// First image of the chunk.
  package var chunkStart: Int
  /// The shard's images.
  package var shard: Range<Int>

  /// Whether sums over the shard start, or end, with this slice.
  package var startsShard: Bool { first == shard.lowerBound }
  package var endsShard: Bool { first + count == shard.upperBound }

  /// Calls `body` with parts of at most `size` images in order.
  @inline(__always)
  package func forEachBlock(of size: Int, _ body: (ImageSlice) -> Void) {
    var block = self
    let end = first + count
    while block.first < end {
      block.count = min(size, end - block.first)
      body(block)
      block.first += block.count
    }
  }
}

/// How long images stay in a map or a gradient, and so how many it holds.
package enum Residence: Hashable, Sendable {
  /// All images of a run: what dense layers need until the run's weight gradients are summed.
  case run
  /// The images of a chunk: activations from the forward to the backward pass.
  case chunk
  /// So many images of a shard, written and read within one block.
  case block(Int)
}

/// How many images a network's memory is made for.
package struct ImageCapacity: Hashable, Sendable {
  package var shard: Int
  package var chunk: Int
  package var run: Int

  /// - Precondition: a chunk is whole shards, a run whole chunks.
  package init(shard: Int, shardsPerChunk: Int = 1, chunksPerRun: Int = 1) {
    precondition(shard >= 1 && shardsPerChunk >= 1 && chunksPerRun >= 1, "A run has an image.")
    self.shard = shard
    chunk = shard * shardsPerChunk
    run = chunk * chunksPerRun
  }

  /// Levels of the shard tree inside a run.
  var treeLevels: Int {
    var levels = 0
    while shard << levels < run { levels += 1 }
    return levels
  }

  func images(_ residence: Residence) -> Int {
    switch residence {
    case .run: run
    case .chunk: chunk
    case .block(let count): min(count, shard)
    }
  }
}

extension MapLayout {
  /// Whether all images of a slice lie in a row in memory for `images` of them.
  func holds(_ slice: ImageSlice, images: Int) -> Bool {
    let first = start(of: slice) / imageStride
    return slice.count >= 0 && first + slice.count <= images
  }

  /// Floats from the start of the map's memory to the first image of a slice.
  func start(of slice: ImageSlice) -> Int {
    assert(
      slice.first >= max(0, slice.chunkStart), "Image \(slice.first) lies before its chunk from \(slice.chunkStart) on."
    )
    return switch residence {
    case .run: slice.first * imageStride
    case .chunk: (slice.first - slice.chunkStart) * imageStride
    case .block(let count): (slice.first - slice.shard.lowerBound) % count * imageStride
    }
  }
}

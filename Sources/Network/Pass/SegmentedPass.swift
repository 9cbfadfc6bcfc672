import Summation

/// A worker's images of a batch, of a network with meetings: all of them are in its workspace at once.
package struct WorkerShare {
  /// A node of the shard tree that the worker sums, and where its gradients go.
  package struct Node {
    /// Shards, numbered in the batch.
    package var shards: Range<Int>
    package var target: UnsafeMutablePointer<Float>

    package init(shards: Range<Int>, target: UnsafeMutablePointer<Float>) {
      self.shards = shards
      self.target = target
    }
  }
  /// Ascending and without gaps; none for a worker without shards.
  package let nodes: [Node]
  /// The share's shards, numbered in the batch.
  package let shards: Range<Int>
  /// Examples of the share, and of the whole batch in so many shards.
  package let examples: Int
  package let batchExamples: Int
  package let batchShards: Int

  /// The share of a worker that sums `nodes` of a batch of `batchExamples`.
  package init(_ nodes: [Node], of batchExamples: Int, shardSize: Int) {
    self.nodes = nodes
    self.batchExamples = batchExamples
    batchShards = (batchExamples + shardSize - 1) / shardSize
    shards = (nodes.first?.shards.lowerBound ?? 0)..<(nodes.last?.shards.upperBound ?? 0)
    examples = min(shards.upperBound * shardSize, batchExamples) - shards.lowerBound * shardSize
  }
}

extension NetworkPlan {
  /// Writes the gradients of a worker's share into its nodes' flat buffers, meeting the other workers between segments.
  ///
  /// What a meeting needs is summed block by block, as soon as the segment before it has computed a block.
  ///
  /// - Parameters:
  ///   - sums: `[shard][schedule.sumsPerShard]` of the whole batch, shared by all workers; each writes those of its shards.
  ///   - load: fills `input` and labels of the share's images, numbered in the share.
  ///   - meet: returns when all workers have called it; what they wrote before can then be read.
  package func sumGradients<Failure: Error>(
    _ w: Workspace, _ share: WorkerShare, sums: UnsafeMutablePointer<Double>, _ inputs: borrowing PassInputs,
    load: (Range<Int>) -> Void, meet: () throws(Failure) -> Void
  ) throws(Failure) {
    assert(share.examples <= capacity.chunk, "A share lies in the workspace as one chunk.")
    var pass = Pass(w, inputs)
    pass.batch = share.batchExamples
    pass.startsBatch = share.shards.lowerBound == 0 && !share.shards.isEmpty
    let images = 0..<share.examples
    let first = share.shards.lowerBound
    load(images)
    for (s, range) in schedule.forward.enumerated() {
      guard s < schedule.meetings.count else {
        forward(layers: range, pass, images) { _ in }
        continue
      }
      let place = schedule.meetings[s].forward
      let sumsBlocks = !range.isEmpty && range.upperBound <= frontCount
      func sum(_ slice: ImageSlice) {
        let shard = first + slice.shard.lowerBound / capacity.shard
        meetingLayers[s].sumInputs(pass, slice, into: sums + shard * schedule.sumsPerShard + place.lowerBound)
      }
      forward(layers: range, pass, images) { if sumsBlocks { sum($0) } }
      if !sumsBlocks { forEachShard(of: images, sum) }
      try meet()
      add(sums, place, of: share.batchShards, into: w.inputTotals[s])
      meetingLayers[s].inputsSummed(pass)
    }
    for (s, range) in schedule.backward.enumerated().reversed() {
      inputGradientsOfBack(range, pass, images)
      let isLast = s == 0
      let place = isLast ? 0..<0 : schedule.meetings[s - 1].backward
      let sumsBlocks = !isLast && range.lowerBound < frontCount && range.lowerBound >= firstBackward
      func sum(_ slice: ImageSlice) {
        let shard = first + slice.shard.lowerBound / capacity.shard
        meetingLayers[s - 1].sumGradients(pass, slice, into: sums + shard * schedule.sumsPerShard + place.lowerBound)
      }
      for node in share.nodes {
        let local = node.shards.lowerBound - first..<node.shards.upperBound - first
        sumFront(
          local, of: frontSegments[s], chunk: images, examples: share.examples, into: GradientTarget(flat: node.target),
          level: 0, pass, begin: { _ in }, computed: { if sumsBlocks { sum($0) } })
        let run = local.lowerBound * capacity.shard..<min(local.upperBound * capacity.shard, share.examples)
        parameterGradientsOfBack(range, pass, images: run, into: node.target)
      }
      guard !isLast else { continue }
      if !sumsBlocks { forEachShard(of: images, sum) }
      try meet()
      add(sums, place, of: share.batchShards, into: w.gradientTotals[s - 1])
      meetingLayers[s - 1].gradientsSummed(pass)
    }
  }

  private func forEachShard(of images: Range<Int>, _ body: (ImageSlice) -> Void) {
    wholeChunk(images).forEachBlock(of: capacity.shard) { slice in
      body(
        ImageSlice(
          first: slice.first, count: slice.count, chunkStart: 0, shard: slice.first..<slice.first + slice.count))
    }
  }

  /// `totals[j]` = Σ over all shards of their sums of one meeting, left plus right in the tree over shards.
  func add(
    _ sums: UnsafeMutablePointer<Double>, _ range: Range<Int>, of shards: Int, into totals: UnsafeMutablePointer<Double>
  ) {
    func total(_ shards: Range<Int>, _ j: Int) -> Double {
      guard shards.count > 1 else { return sums[shards.lowerBound * schedule.sumsPerShard + j] }
      let middle = shards.lowerBound + ShardTree.split(shards.count)
      return total(shards.lowerBound..<middle, j) + total(middle..<shards.upperBound, j)
    }
    // Eight sums side by side, each in that order: with many shards every worker adds hundreds of thousands of numbers.
    func totalOfEight(_ shards: Range<Int>, _ j: Int) -> SIMD8<Double> {
      guard shards.count > 1 else {
        return UnsafeRawPointer(sums + shards.lowerBound * schedule.sumsPerShard + j)
          .loadUnaligned(as: SIMD8<Double>.self)
      }
      let middle = shards.lowerBound + ShardTree.split(shards.count)
      return totalOfEight(shards.lowerBound..<middle, j) + totalOfEight(middle..<shards.upperBound, j)
    }
    let wholeEights = range.lowerBound + range.count / 8 * 8
    for j in stride(from: range.lowerBound, to: wholeEights, by: 8) {
      UnsafeMutableRawPointer(totals + (j - range.lowerBound)).storeBytes(
        of: totalOfEight(0..<shards, j), as: SIMD8<Double>.self)
    }
    for j in wholeEights..<range.upperBound { totals[j - range.lowerBound] = total(0..<shards, j) }
  }
}

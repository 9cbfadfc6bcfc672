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
  /// Examples of the share, and of the whole batch.
  package let examples: Int
  package let batchExamples: Int

  /// The share of a worker that sums `nodes` of a batch of `batchExamples`.
  package init(_ nodes: [Node], of batchExamples: Int, shardSize: Int) {
    self.nodes = nodes
    self.batchExamples = batchExamples
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
    let pass = Pass(w, inputs, share)
    let images = 0..<share.examples
    let first = share.shards.lowerBound
    load(images)
    defer { w.ahead.end() }
    for (s, range) in schedule.forward.enumerated() {
      begin(mapsAhead.forward[s], images: share.examples, w)
      guard s < schedule.meetings.count else {
        forward(layers: range, pass, images) { _ in }
        continue
      }
      let meeting = schedule.meetings[s]
      let sumsBlocks = !range.isEmpty && range.upperBound <= frontCount
      func sum(_ slice: ImageSlice) {
        let shard = sums + (first + slice.shard.lowerBound / capacity.shard) * schedule.sumsPerShard
        for i in meeting.sums {
          meetingLayers[i].sumInputs(pass, slice, into: shard + schedule.sums[i].forward.lowerBound)
        }
      }
      forward(layers: range, pass, images) { if sumsBlocks { sum($0) } }
      if !sumsBlocks { forEachShard(of: images, sum) }
      if meeting.waits { try meet() }
      for i in meeting.sums {
        let place = schedule.sums[i].forward
        forEachGroup(of: schedule.sums[i], in: share.shards, pass) { pass, shards in
          add(sums, place, of: shards, into: w.inputTotals[i] + pass.group * place.count)
          meetingLayers[i].inputsSummed(pass)
        }
      }
    }
    for (s, range) in schedule.backward.enumerated().reversed() {
      begin(mapsAhead.backward[s], images: share.examples, w)
      inputGradientsOfBack(range, pass, images)
      let meeting = s == 0 ? nil : schedule.meetings[s - 1]
      let sumsBlocks = meeting != nil && range.lowerBound < frontCount && range.lowerBound >= firstBackward
      func sum(_ slice: ImageSlice) {
        let shard = sums + (first + slice.shard.lowerBound / capacity.shard) * schedule.sumsPerShard
        for i in meeting?.sums ?? 0..<0 {
          meetingLayers[i].sumGradients(pass, slice, into: shard + schedule.sums[i].backward.lowerBound)
        }
      }
      for node in share.nodes {
        let local = node.shards.lowerBound - first..<node.shards.upperBound - first
        sumFront(
          local, of: frontSegments[s], chunk: images, examples: share.examples, into: GradientTarget(flat: node.target),
          level: 0, pass, begin: { _ in }, computed: { if sumsBlocks { sum($0) } })
        let run = local.lowerBound * capacity.shard..<min(local.upperBound * capacity.shard, share.examples)
        parameterGradientsOfBack(range, pass, images: run, into: node.target)
      }
      guard let meeting else { continue }
      if !sumsBlocks { forEachShard(of: images, sum) }
      if meeting.waits { try meet() }
      for i in meeting.sums {
        let place = schedule.sums[i].backward
        forEachGroup(of: schedule.sums[i], in: share.shards, pass) { pass, shards in
          add(sums, place, of: shards, into: w.gradientTotals[i] + pass.group * place.count)
          meetingLayers[i].gradientsSummed(pass)
        }
      }
    }
  }

  private func forEachShard(of images: Range<Int>, _ body: (ImageSlice) -> Void) {
    wholeChunk(images).forEachBlock(of: capacity.shard) { slice in
      body(
        ImageSlice(
          first: slice.first, count: slice.count, chunkStart: 0, shard: slice.first..<slice.first + slice.count))
    }
  }

  /// Calls `body` with the shards over which a layer sums: all of the batch or, where nobody waits, each group of a share;
  /// the pass says which group it is, and of how many examples.
  func forEachGroup(
    of sums: Schedule.LayerSums, in share: Range<Int>, _ pass: borrowing Pass,
    _ body: (borrowing Pass, Range<Int>) -> Void
  ) {
    let batch = pass.batch
    guard let size = sums.groupShards else { return body(pass, 0..<(batch + capacity.shard - 1) / capacity.shard) }
    var own = copy pass
    assert(share.lowerBound % size == 0, "A share starts inside a group of \(size) shards.")
    for first in stride(from: share.lowerBound, to: share.upperBound, by: size) {
      let group = first..<min(first + size, share.upperBound)
      own.batch = min(group.upperBound * capacity.shard, batch) - group.lowerBound * capacity.shard
      own.group = (first - share.lowerBound) / size
      body(own, group)
    }
  }

  /// Brings the running statistics up to date of layers whose groups do not meet.
  ///
  /// - Parameters:
  ///   - sums: as all workers left them after a batch of so many examples; none writes them meanwhile.
  ///   - statistics: the weights of a replica.
  package func updateStatistics(
    _ sums: UnsafePointer<Double>, examples batch: Int, _ statistics: UnsafeMutablePointer<Float>
  ) {
    for (own, layer) in zip(schedule.sums, meetingLayers) {
      guard let size = own.groupShards else { continue }
      layer.updateStatistics(
        statistics,
        GroupSums(
          sums + own.forward.lowerBound, sumsPerShard: schedule.sumsPerShard, shardsPerGroup: size,
          shardSize: capacity.shard, batch: batch))
    }
  }

  /// `totals[j]` = Σ over some shards of their sums of one meeting, left plus right in the tree over those shards.
  func add(
    _ sums: UnsafePointer<Double>, _ range: Range<Int>, of shards: Range<Int>,
    into totals: UnsafeMutablePointer<Double>
  ) {
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
        of: totalOfEight(shards, j), as: SIMD8<Double>.self)
    }
    for j in wholeEights..<range.upperBound { totals[j - range.lowerBound] = total(sums, shards, j) }
  }

  private func total(_ sums: UnsafePointer<Double>, _ shards: Range<Int>, _ j: Int) -> Double {
    guard shards.count > 1 else { return sums[shards.lowerBound * schedule.sumsPerShard + j] }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    return total(sums, shards.lowerBound..<middle, j) + total(sums, middle..<shards.upperBound, j)
  }
}

import KernelInterface
import Summation

/// Where a pass over a run of shards can be used to do something beside it.
package enum PassPoint: Sendable {
  /// The layers after the front come next, forward over a chunk: from here on their weights are read.
  case backForward
  /// The run's gradients of the layers after the front are complete; the front's backward pass over the last chunk comes next.
  case backGradients
  /// The front has passed a block backward.
  case frontBlock
}

extension NetworkPlan {
  /// Writes the gradient of a run of `examples` images, summed, into the flat buffer `target`; of a network without meetings.
  ///
  /// The gradients of the layers after the front, whose parameters come last in the buffer, are complete before the front's
  /// backward pass over the run's last chunk begins.
  ///
  /// `load` is called for each chunk's images, numbered in the run, before its forward pass; it fills `input` and labels.
  /// Shards of `capacity.shard` images (the last may be smaller) are summed in the fixed tree: split at the largest power
  /// of two below their number, left plus right. Within a shard, sums run over examples, then pixels (or tiles)
  /// row-major. Nothing is divided by m. `reached` is called in the middle of the passes, see `PassPoint`.
  package func sumGradients(
    _ w: Workspace, examples: Int, into target: UnsafeMutablePointer<Float>, _ inputs: borrowing PassInputs,
    load: (Range<Int>) -> Void, reached: (PassPoint) -> Void = { _ in }
  ) {
    assert(!schedule.hasMeetings, "A network with meetings passes segment by segment.")
    let pass = Pass(w, inputs)
    let shards = (examples + capacity.shard - 1) / capacity.shard
    sumFront(
      0..<shards, of: frontSegments[0], chunk: nil, examples: examples, into: GradientTarget(flat: target), level: 0,
      pass,
      begin: { images in
        load(images)
        forward(layers: 0..<frontCount, pass, images) { _ in }
        reached(.backForward)
        forward(layers: frontCount..<layers.count, pass, images) { _ in }
        inputGradientsOfBack(layers.indices, pass, images)
        guard images.upperBound == examples else { return }
        parameterGradientsOfBack(layers.indices, pass, images: 0..<examples, into: target)
        reached(.backGradients)
      }, computed: { _ in reached(.frontBlock) })
  }

  /// The gradients of a segment of the front over a run of shards, as left plus right.
  ///
  /// Where the run first fits a chunk, `begin` takes the chunk's images through its other passes; `chunk` is that chunk.
  /// A right side of one shard adds its gradients onto the left as it computes them; a larger one is summed first.
  /// `computed` is called with each block whose gradients the segment's first layer has computed, shard by shard, in order.
  func sumFront(
    _ shards: Range<Int>, of segment: FrontSegment, chunk: Range<Int>?, examples: Int, into target: GradientTarget,
    level: Int, _ pass: borrowing Pass, begin: (Range<Int>) -> Void, computed: (ImageSlice) -> Void
  ) {
    let images = shards.lowerBound * capacity.shard..<min(shards.upperBound * capacity.shard, examples)
    var chunk = chunk
    if chunk == nil, images.count <= capacity.chunk {
      chunk = images
      begin(images)
    }
    if let chunk, shards.count == 1 {
      let slice = ImageSlice(
        first: images.lowerBound, count: images.count, chunkStart: chunk.lowerBound, shard: images)
      guard let last = segment.layers.last else { return }
      return slice.forEachBlock(of: work[last].block) { block in
        pass.memory.ahead.enter(first: block.first, count: block.count)
        backward(from: last, downTo: segment.layers.lowerBound, pass, block, into: target, computed: computed)
      }
    }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    var sum = GradientTarget(flat: target.addsShard ? pass.memory.frontScratch[level] : target.flat)
    let below = target.addsShard ? level + 1 : level
    sumFront(
      shards.lowerBound..<middle, of: segment, chunk: chunk, examples: examples, into: sum, level: below, pass,
      begin: begin, computed: computed)
    sum.addsShard = true
    sumFront(
      middle..<shards.upperBound, of: segment, chunk: chunk, examples: examples, into: sum, level: below, pass,
      begin: begin, computed: computed)
    guard target.addsShard else { return }
    for floats in segment.floats {
      pass.kernels.add(sum.flat + floats.lowerBound, target.flat + floats.lowerBound, floats.count)
    }
  }

  /// Layer `l` and those before it, block by block: each hands a block's gradient on as soon as it has computed it. An
  /// input that was not kept is computed again first.
  func backward(
    from l: Int, downTo first: Int, _ pass: borrowing Pass, _ slice: ImageSlice, into target: GradientTarget,
    computed: (ImageSlice) -> Void
  ) {
    guard l >= max(first, firstBackward) else { return }
    slice.forEachBlock(of: work[l].block) { block in
      if let producer = work[l].recomputes { layers[producer].forward(pass, block) }
      if work[l].isTrained { layers[l].parameterGradients(pass, block, into: target) }
      inputGradients(l, pass, block)
      if l > first {
        backward(from: l - 1, downTo: first, pass, block, into: target, computed: computed)
      } else {
        computed(block)
      }
    }
  }

  /// The gradients of one layer's inputs; what other consumers of an input have written before is added to.
  func inputGradients(_ l: Int, _ pass: borrowing Pass, _ slice: ImageSlice) {
    for (index, input) in work[l].inputs.enumerated() where input.isComputed {
      layers[l].inputGradient(pass, slice, of: index)
      guard input.adds else { continue }
      let map = gradients[input.gradient]
      let (from, into) = (pass.memory.gradients[input.written], pass.memory.gradients[input.gradient])
      let start = map.start(of: slice)
      map.forEachRow(images: slice.count, with: map) { row, _, count in
        pass.kernels.add(from + start + row, into + start + row, count)
      }
    }
  }

  // MARK: After the front

  /// The input gradients of the layers of `range` that take chunks, from the last to the first.
  func inputGradientsOfBack(_ range: Range<Int>, _ pass: borrowing Pass, _ images: Range<Int>) {
    for l in range.clamped(to: frontCount..<layers.count).reversed() where l >= firstBackward {
      inputGradients(l, pass, wholeChunk(images))
    }
  }

  /// The parameter gradients of the layers of `range` that take chunks, over all shards of a run.
  func parameterGradientsOfBack(
    _ range: Range<Int>, _ pass: borrowing Pass, images: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) {
    let run = ImageSlice(first: images.lowerBound, count: images.count, chunkStart: 0, shard: images)
    for l in range.clamped(to: frontCount..<layers.count) where work[l].isTrained {
      layers[l].parameterGradients(pass, run, into: GradientTarget(flat: target))
    }
  }
}

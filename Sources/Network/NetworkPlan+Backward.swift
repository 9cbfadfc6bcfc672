import KernelInterface
import Summation

/// Where a node of the shard tree leaves its gradients.
struct GradientTarget {
  /// The flat parameter buffer.
  var flat: UnsafeMutablePointer<Float>
  /// Whether they are added to what is there.
  var addsShard = false
}

extension NetworkPlan {
  /// Writes the gradient of a run of `examples` images, summed, into the flat buffer `target`.
  ///
  /// `load` is called for each chunk's images, numbered in the run, before its forward pass; it fills `input` and labels.
  /// Shards of `capacity.shard` images (the last may be smaller) are summed in the fixed tree: split at the largest power
  /// of two below their number, left plus right. Within a shard, sums run over examples, then pixels (or tiles)
  /// row-major. Nothing is divided by m.
  package func sumGradients(
    _ w: Workspace, examples: Int, into target: UnsafeMutablePointer<Float>, _ inputs: borrowing PassInputs,
    load: (Range<Int>) -> Void
  ) {
    let shards = (examples + capacity.shard - 1) / capacity.shard
    sumFront(0..<shards, chunk: nil, examples, into: GradientTarget(flat: target), level: 0, w, inputs, load)
    for i in frontCount..<stages.count where stages[i].isTrainable {
      parameterGradients(stage: i, w, examples: examples, into: target, inputs)
    }
  }

  /// The front's gradients of a run of shards, as left plus right; where the run first fits a chunk, its other passes.
  ///
  /// A right side of one shard adds its gradients onto the left as it computes them; a larger one is summed first.
  private func sumFront(
    _ shards: Range<Int>, chunk: Range<Int>?, _ examples: Int, into target: GradientTarget, level: Int,
    _ w: Workspace, _ inputs: borrowing PassInputs, _ load: (Range<Int>) -> Void
  ) {
    let images = shards.lowerBound * capacity.shard..<min(shards.upperBound * capacity.shard, examples)
    var chunk = chunk
    if chunk == nil, images.count <= capacity.chunk {
      chunk = images
      load(images)
      forward(w, images: images, inputs)
      for i in (frontCount..<stages.count).reversed() where storesGradient(i) {
        inputGradient(stage: i, w, wholeChunk(images), inputs)
      }
    }
    if let chunk, shards.count == 1 {
      let slice = ImageSlice(
        first: images.lowerBound, count: images.count, chunkStart: chunk.lowerBound, shard: images)
      return backward(stage: frontCount - 1, w, slice, into: target, inputs)
    }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    var sum = GradientTarget(flat: target.addsShard ? w.frontScratch[level] : target.flat)
    let below = target.addsShard ? level + 1 : level
    sumFront(shards.lowerBound..<middle, chunk: chunk, examples, into: sum, level: below, w, inputs, load)
    sum.addsShard = true
    sumFront(middle..<shards.upperBound, chunk: chunk, examples, into: sum, level: below, w, inputs, load)
    if target.addsShard { inputs.kernels.add(sum.flat, target.flat, frontParameterCount) }
  }

  /// Stage `i` and those before it, block by block: each hands a block's gradient on as soon as it has computed it.
  func backward(
    stage i: Int, _ w: Workspace, _ slice: ImageSlice, into target: GradientTarget, _ inputs: borrowing PassInputs
  ) {
    guard i >= 0, storesGradient(i) || stages[i].isTrainable else { return }
    slice.forEachBlock(of: blocks[i]) { block in
      parameterGradients(stage: i, w, block, into: target, inputs)
      if storesGradient(i) { inputGradient(stage: i, w, block, inputs) }
      backward(stage: i - 1, w, block, into: target, inputs)
    }
  }

  // MARK: One stage

  /// dW and db of one stage over a slice of a shard; the shard's first slice starts the sums, its last ends them.
  func parameterGradients(
    stage i: Int, _ w: Workspace, _ slice: ImageSlice, into target: GradientTarget, _ inputs: borrowing PassInputs
  ) {
    guard case .convolution(let s) = stages[i] else { return }
    let weight = target.flat + parameters.parameters[s.weight].offset
    if let plan = s.winograd {
      winogradWeightGradient(
        s, plan, at: i, w, slice, into: weight, addsShard: target.addsShard, inputs.kernels)
    } else if let tables = s.tables {
      sumShard(s.weight, w, slice, into: target, inputs.kernels) {
        directWeightGradient(s, tables, at: i, w, slice, into: $0, inputs.kernels)
      }
    }
    sumShard(s.bias, w, slice, into: target, inputs.kernels) {
      biasGradient(at: i, w, slice, into: $0, inputs.kernels)
    }
  }

  /// What `compute` sums over the slices of a shard, in place or, where it is to be added, in a buffer of its own first.
  private func sumShard(
    _ parameter: Int, _ w: Workspace, _ slice: ImageSlice, into target: GradientTarget, _ kernels: KernelTable,
    _ compute: (UnsafeMutablePointer<Float>) -> Void
  ) {
    let place = target.flat + parameters.parameters[parameter].offset
    guard target.addsShard else { return compute(place) }
    let sum = w.shardSums[parameter]
    compute(sum)
    if slice.endsShard { kernels.add(sum, place, packedCount(parameter)) }
  }

  /// dW and db of one stage behind the front, over all shards of a run.
  func parameterGradients(
    stage i: Int, _ w: Workspace, examples: Int, into target: UnsafeMutablePointer<Float>,
    _ inputs: borrowing PassInputs
  ) {
    let shards = 0..<(examples + capacity.shard - 1) / capacity.shard
    func slice(_ shard: Int) -> ImageSlice {
      let images = shard * capacity.shard..<min((shard + 1) * capacity.shard, examples)
      return ImageSlice(first: images.lowerBound, count: images.count, chunkStart: 0, shard: images)
    }
    let kernels = inputs.kernels
    switch stages[i] {
    case .dense(let s):
      denseWeightGradient(s, at: i, w, examples: examples, into: target, kernels)
      let bias = parameters.parameters[s.bias]
      sumOverShards(shards, into: target + bias.offset, count: bias.packedCount, w, kernels) { shard, sum in
        biasGradient(at: i, w, slice(shard), into: sum, kernels)
      }
    case .convolution(let s):
      let (weight, bias) = (parameters.parameters[s.weight], parameters.parameters[s.bias])
      let count = bias.offset + bias.packedCount - weight.offset
      // Weight and bias are neighbours; the scratch stands for both.
      sumOverShards(shards, into: target + weight.offset, count: count, w, kernels) { shard, sum in
        parameterGradients(stage: i, w, slice(shard), into: GradientTarget(flat: sum - weight.offset), inputs)
      }
    case .pool, .relu, .softmax: break
    }
  }

  /// `db[k] = Σ_n Σ_i Σ_j dZ[n,i,j,k]`
  private func biasGradient(
    at i: Int, _ w: Workspace, _ slice: ImageSlice, into target: UnsafeMutablePointer<Float>, _ kernels: KernelTable
  ) {
    let map = gradients[i + 1]
    var sum = BiasGradientArguments(
      map: gradient(i + 1, w, slice) + map.origin, out: target, images: slice.count, height: map.shape.height,
      width: map.shape.width, image: map.imageStride, row: map.rowStride, pixel: map.channelStride,
      lanes: map.channelStride)
    sum.accumulates = !slice.startsShard
    kernels.biasGradient(sum)
  }

  /// The gradient of one stage's input, from the gradient of its output.
  func inputGradient(stage i: Int, _ w: Workspace, _ slice: ImageSlice, _ inputs: borrowing PassInputs) {
    let masks = i > 0 && stages[i - 1].fusesReLU
    switch stages[i] {
    case .softmax:
      // ŷ − y was written by the forward pass.
      if masks { reluGradient(at: i, of: i, w, slice, inputs.kernels) }
    case .convolution(let s):
      if let plan = s.winograd {
        winogradInputGradient(s, plan, at: i, w, slice, masks: masks, inputs)
      } else if let tables = s.tables {
        directInputGradient(s, tables, at: i, w, slice, masks: masks, inputs)
      }
    case .dense(let s):
      denseInputGradient(s, at: i, w, slice, masks: masks, inputs)
    case .pool(let s):
      inputs.kernels.poolBackward(
        s.kind, poolArguments(s, at: i, images: slice.count), mask(i, w, slice),
        gradient(i + 1, w, slice) + gradients[i + 1].origin, gradient(i, w, slice) + gradients[i].origin)
    case .relu:
      reluGradient(at: i, of: i + 1, w, slice, inputs.kernels)
    }
  }

  /// The gradient of map `i`: that of map `source`, of the same shape or the same map, where map `i` is above 0.
  private func reluGradient(
    at i: Int, of source: Int, _ w: Workspace, _ slice: ImageSlice, _ kernels: KernelTable
  ) {
    let dout = gradients[source]
    let shape = maps[i].shape
    for n in 0..<slice.count {
      for row in 0..<shape.height {
        kernels.reluGradient(
          map(i, w, slice) + n * maps[i].imageStride + maps[i].offset(row, 0),
          gradient(source, w, slice) + n * dout.imageStride + dout.offset(row, 0),
          gradient(i, w, slice) + n * gradients[i].imageStride + gradients[i].offset(row, 0),
          shape.width * maps[i].channelStride)
      }
    }
  }

  /// `target = Σ shards` in the fixed tree, `compute` giving one shard's value.
  private func sumOverShards(
    _ shards: Range<Int>, into target: UnsafeMutablePointer<Float>, count: Int, _ w: Workspace, _ kernels: KernelTable,
    _ compute: (Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    // The last level is where a shard that is added is computed.
    let last = capacity.treeLevels > 0 ? w.treeScratch[capacity.treeLevels - 1] : target
    sumOverShards(shards, into: target, adds: false, count: count, w, level: 0, kernels) { shard, place, adds in
      compute(shard, adds ? last : place)
      if adds { kernels.add(last, place, count) }
    }
  }

  /// `target = Σ shards` in the fixed tree, or `target + Σ shards`; `compute` writes one shard's value, or adds it.
  func sumOverShards(
    _ shards: Range<Int>, into target: UnsafeMutablePointer<Float>, adds: Bool, count: Int, _ w: Workspace, level: Int,
    _ kernels: KernelTable, _ compute: (_ shard: Int, UnsafeMutablePointer<Float>, _ adds: Bool) -> Void
  ) {
    guard shards.count > 1 else { return compute(shards.lowerBound, target, adds) }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    let sum = adds ? w.treeScratch[level] : target
    let below = adds ? level + 1 : level
    sumOverShards(
      shards.lowerBound..<middle, into: sum, adds: false, count: count, w, level: below, kernels, compute)
    sumOverShards(
      middle..<shards.upperBound, into: sum, adds: true, count: count, w, level: below, kernels, compute)
    if adds { kernels.add(sum, target, count) }
  }
}

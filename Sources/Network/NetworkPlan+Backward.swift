import KernelInterface
import Summation

extension NetworkPlan {
  /// The backward pass after `forward` over the same examples; writes every parameter's gradient into `gradient`.
  ///
  /// The examples are consecutive shards of `shardSize` (the last may be smaller); `gradient` receives the sum over them
  /// in the fixed tree: split at the largest power of two below the number of shards, left plus right. Within a
  /// shard, sums run over examples, then pixels (or tiles) row-major. Nothing is divided by m.
  package func backward(
    _ w: Workspace, examples: Int, shardSize: Int, weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    for i in stages.indices.reversed() where storesGradient(i) || stages[i].isTrainable {
      parameterGradients(
        stage: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
      if storesGradient(i) {
        inputGradient(
          stage: i, w, examples: examples, weights: weights, prepared: prepared, kernels: kernels)
      }
    }
  }

  /// dW and db of one stage, from the gradient of its output.
  func parameterGradients(
    stage i: Int, _ w: Workspace, examples: Int, shardSize: Int, gradient: UnsafeMutablePointer<Float>,
    kernels: KernelTable
  ) {
    switch stages[i] {
    case .convolution(let s):
      let weight = parameters.parameters[s.weight]
      forEachShardSum(examples, shardSize, into: gradient + weight.offset, count: weight.packedCount, w, kernels) {
        first, count, target in
        if let plan = s.winograd {
          winogradWeightGradient(s, plan, at: i, w, first: first, count: count, into: target, kernels: kernels)
        } else if let tables = s.tables {
          directWeightGradient(s, tables, at: i, w, first: first, count: count, into: target, kernels: kernels)
        }
      }
      biasGradient(s.bias, at: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
    case .dense(let s):
      denseWeightGradient(
        s, at: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
      biasGradient(s.bias, at: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
    case .pool, .relu, .softmax: break
    }
  }

  /// `db[k] = Σ_n Σ_i Σ_j dZ[n,i,j,k]`
  private func biasGradient(
    _ index: Int, at i: Int, _ w: Workspace, examples: Int, shardSize: Int, gradient: UnsafeMutablePointer<Float>,
    kernels: KernelTable
  ) {
    let bias = parameters.parameters[index]
    let map = gradients[i + 1]
    forEachShardSum(examples, shardSize, into: gradient + bias.offset, count: bias.packedCount, w, kernels) {
      first, count, target in
      kernels.biasGradient(
        BiasGradientArguments(
          map: w.gradients[i + 1] + map.origin + first * map.imageStride, out: target, images: count,
          height: map.shape.height, width: map.shape.width, image: map.imageStride, row: map.rowStride,
          pixel: map.channelStride, lanes: map.channelStride))
    }
  }

  /// The gradient of one stage's input, from the gradient of its output.
  func inputGradient(
    stage i: Int, _ w: Workspace, examples: Int, weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>,
    kernels: KernelTable
  ) {
    let masks = i > 0 && stages[i - 1].fusesReLU
    switch stages[i] {
    case .softmax:
      break  // ŷ − y was written by the forward pass.
    case .convolution(let s):
      if let plan = s.winograd {
        winogradInputGradient(
          s, plan, at: i, w, examples: examples, prepared: prepared, masks: masks, kernels: kernels)
      } else if let tables = s.tables {
        directInputGradient(
          s, tables, at: i, w, examples: examples, prepared: prepared, masks: masks, kernels: kernels)
      }
    case .dense(let s):
      denseInputGradient(s, at: i, w, examples: examples, weights: weights, masks: masks, kernels: kernels)
    case .pool(let s):
      kernels.poolBackward(
        s.kind, poolArguments(s, at: i, images: examples), w.maps[i] + maps[i].origin,
        w.maps[i + 1] + maps[i + 1].origin, w.gradients[i + 1] + gradients[i + 1].origin,
        w.gradients[i] + gradients[i].origin)
    case .relu:
      reluGradient(at: i, w, examples: examples, kernels: kernels)
    }
  }

  private func reluGradient(at i: Int, _ w: Workspace, examples: Int, kernels: KernelTable) {
    let shape = maps[i].shape
    for n in 0..<examples {
      for row in 0..<shape.height {
        kernels.reluGradient(
          w.maps[i] + n * maps[i].imageStride + maps[i].offset(row, 0),
          w.gradients[i + 1] + n * gradients[i + 1].imageStride + gradients[i + 1].offset(row, 0),
          w.gradients[i] + n * gradients[i].imageStride + gradients[i].offset(row, 0),
          shape.width * maps[i].channelStride)
      }
    }
  }

  /// `target` = the tree sum over all shards of `examples`, `compute(first, count, target)` giving one shard's value.
  private func forEachShardSum(
    _ examples: Int, _ shardSize: Int, into target: UnsafeMutablePointer<Float>, count: Int, _ w: Workspace,
    _ kernels: KernelTable, _ compute: (Int, Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    let shards = (examples + shardSize - 1) / shardSize
    sumOverShards(0..<shards, into: target, count: count, w, level: 0, kernels) { shard, target in
      compute(shard * shardSize, min(shardSize, examples - shard * shardSize), target)
    }
  }

  /// `target = Σ shards` in the fixed tree, `compute` giving one shard's value.
  func sumOverShards(
    _ shards: Range<Int>, into target: UnsafeMutablePointer<Float>, count: Int, _ w: Workspace, level: Int,
    _ kernels: KernelTable, _ compute: (Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    guard shards.count > 1 else { return compute(shards.lowerBound, target) }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    sumOverShards(
      shards.lowerBound..<middle, into: target, count: count, w, level: level + 1, kernels, compute)
    let right = w.treeScratch[level]
    sumOverShards(middle..<shards.upperBound, into: right, count: count, w, level: level + 1, kernels, compute)
    kernels.add(right, target, count)
  }
}

import KernelInterface
import Summation

extension NetworkPlan {
  /// The backward pass after `forward` over the same examples; writes every parameter's gradient into `gradient`.
  ///
  /// The examples are consecutive shards of `shardSize` (the last may be smaller); `gradient` receives the sum over them
  /// in the fixed tree: split at the largest power of two below the number of shards, left plus right. Within a
  /// shard, sums run over examples, then pixels row-major. Nothing is divided by m.
  package func backward(
    _ w: Workspace, examples: Int, shardSize: Int, weights: UnsafePointer<Float>, prepared: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    let first = stages.indices.first { storesGradient($0) || isCorrelation($0) } ?? 0
    for i in stages.indices.reversed() where i >= first {
      switch stages[i] {
      case .softmax:
        break  // ŷ − y was written by the forward pass.
      case .correlation(let s):
        weightGradient(s, at: i, w, examples: examples, shardSize: shardSize, gradient: gradient, kernels: kernels)
        if s.needsInputGradient {
          inputGradient(s, at: i, w, examples: examples, prepared: prepared, kernels: kernels)
        }
      case .pool(let s):
        guard storesGradient(i) else { break }
        kernels.poolBackward(
          s.kind, poolArguments(s, at: i, images: examples), w.maps[i] + maps[i].origin,
          w.maps[i + 1] + maps[i + 1].origin, w.gradients[i + 1] + gradients[i + 1].origin,
          w.gradients[i] + gradients[i].origin)
      case .relu:
        guard storesGradient(i) else { break }
        reluGradient(at: i, w, examples: examples, kernels: kernels)
      }
    }
  }

  private func isCorrelation(_ i: Int) -> Bool {
    if case .correlation = stages[i] { true } else { false }
  }

  // MARK: dW and db

  private func weightGradient(
    _ s: CorrelationStage, at i: Int, _ w: Workspace, examples: Int, shardSize: Int,
    gradient: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    let shards = (examples + shardSize - 1) / shardSize
    let weight = parameters.parameters[s.weight]
    let bias = parameters.parameters[s.bias]
    sumOverShards(0..<shards, into: gradient + weight.offset, count: weight.packedCount, w, level: 0, kernels) {
      shard, target in
      let first = shard * shardSize
      weightGradient(
        s, at: i, w, first: first, count: min(shardSize, examples - first), into: target, kernels: kernels)
    }
    let map = gradients[i + 1]
    sumOverShards(0..<shards, into: gradient + bias.offset, count: bias.packedCount, w, level: 0, kernels) {
      shard, target in
      let first = shard * shardSize
      kernels.biasGradient(
        BiasGradientArguments(
          map: w.gradients[i + 1] + map.origin + first * map.imageStride, out: target,
          images: min(shardSize, examples - first), height: map.shape.height, width: map.shape.width,
          image: map.imageStride, row: map.rowStride, pixel: map.channelStride, lanes: map.channelStride))
    }
  }

  /// `target = Σ shards` in the fixed tree, `compute` giving one shard's value.
  private func sumOverShards(
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

  /// `dW[a, b, c, k] = Σ_n Σ_i Σ_j dZ[n, i, j, k] · X[n, i + a, j + b, c]` over the examples of one shard.
  private func weightGradient(
    _ s: CorrelationStage, at i: Int, _ w: Workspace, first: Int, count: Int,
    into target: UnsafeMutablePointer<Float>, kernels: KernelTable
  ) {
    let input = maps[i]
    let map = gradients[i + 1]
    let rows = parameters.parameters[s.weight].rows
    var sum = TileSum(
      a: w.maps[i] + first * input.imageStride, aOffsets: s.tables.weightRows.base,
      b: w.gradients[i + 1] + map.origin + first * map.imageStride, out: target,
      outOffsets: s.tables.weightOutput.base)
    sum.rows = rows
    sum.lanes = map.channelStride
    sum.outBlock = rows * 32
    sum.epilogue = .store
    if s.isDense {
      sum.inner = count
      sum.aInner = input.imageStride
      sum.bInner = map.imageStride
      kernels.tileSum(sum)
      return
    }
    sum.middle = map.shape.height
    sum.inner = map.shape.width
    sum.aOuter = input.imageStride
    sum.aMiddle = input.rowStride
    sum.aInner = input.channelStride
    sum.bOuter = map.imageStride
    sum.bMiddle = map.rowStride
    sum.bInner = map.channelStride
    // As many images at a time as make a few hundred terms: dZ of one lane block then stays in the first-level cache.
    let group = max(1, 256 / (sum.middle * sum.inner))
    var done = 0
    while done < count {
      sum.outer = min(group, count - done)
      kernels.tileSum(sum)
      sum.epilogue = .accumulate
      sum.a += sum.outer * input.imageStride
      sum.b += sum.outer * map.imageStride
      done += sum.outer
    }
  }

  // MARK: dX

  /// `dX[n, i, j, c] = Σ_k Σ_a Σ_b dZ[n, i − a, j − b, k] · W[a, b, c, k]`, masked by the ReLU below where there is one.
  private func inputGradient(
    _ s: CorrelationStage, at i: Int, _ w: Workspace, examples: Int, prepared: UnsafePointer<Float>,
    kernels: KernelTable
  ) {
    guard let source = s.tables.inputGradientSource, let target = s.tables.inputGradientTarget else {
      fatalError("The input gradient of \(s.name) was asked for but not planned.")
    }
    let dOutput = gradients[i + 1]
    let dInput = gradients[i]
    var sum = TileSum(
      a: w.gradients[i + 1], aOffsets: source.base, b: prepared + s.preparedOffset, out: w.gradients[i],
      outOffsets: target.base)
    if let mask = s.tables.inputMask {
      sum.epilogue = .reluGradient
      sum.mask = UnsafePointer(w.maps[i])
      sum.maskOffsets = mask.base
    }
    if s.isDense {
      sum.rows = examples
      sum.lanes = s.positions * dInput.channelStride / s.inputGradientSegments
      sum.inner = dOutput.channelStride
      sum.bBlock = sum.inner * 32
      for _ in 0..<s.inputGradientSegments {
        kernels.tileSum(sum)
        sum.b += roundUp(sum.lanes, to: 32) * sum.inner
        sum.out += dInput.rowStride
        sum.mask = sum.mask.map { $0 + sum.lanes }
      }
      return
    }
    sum.rows = dInput.shape.height * dInput.shape.width
    sum.lanes = dInput.channelStride
    sum.middle = s.kernelHeight
    sum.inner = s.kernelWidth * dOutput.channelStride
    sum.aMiddle = dOutput.rowStride
    sum.bMiddle = sum.inner * 32
    sum.bBlock = sum.middle * sum.bMiddle
    for _ in 0..<examples {
      kernels.tileSum(sum)
      sum.a += dOutput.imageStride
      sum.out += dInput.imageStride
      sum.mask = sum.mask.map { $0 + maps[i].imageStride }
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
}

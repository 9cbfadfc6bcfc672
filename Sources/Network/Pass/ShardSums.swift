import KernelInterface
import Summation

/// Sums over the images of a shard, and of shards in their tree, as layers take them.
extension Pass {
  // MARK: One shard, of layers that take blocks

  /// Where a shard's sum of a parameter is computed: in place or, where it is to be added, in a buffer of its own first.
  func shardSum(of parameter: PlacedParameter, _ target: GradientTarget) -> UnsafeMutablePointer<Float> {
    target.addsShard ? memory.shardSums[parameter.index] : target.flat + parameter.offset
  }

  /// Adds a shard's sum where it belongs, after the shard's last slice.
  func endShardSum(of parameter: PlacedParameter, _ slice: ImageSlice, _ target: GradientTarget) {
    guard target.addsShard, slice.endsShard else { return }
    kernels.add(
      memory.shardSums[parameter.index], target.flat + parameter.offset, parameter.parameter.packedCount)
  }

  /// `db[k] = Σ_n Σ_i Σ_j dZ[n,i,j,k]` over a slice of a shard, for the bias of a layer that takes blocks.
  func biasGradient(
    of bias: PlacedParameter, _ output: PlacedValue, _ slice: ImageSlice, _ target: GradientTarget
  ) {
    biasGradient(output, slice, into: shardSum(of: bias, target))
    endShardSum(of: bias, slice, target)
  }

  /// `out[k] = Σ_n Σ_i Σ_j dZ[n,i,j,k]`, continuing the sums in `out` unless the slice starts its shard.
  func biasGradient(_ output: PlacedValue, _ slice: ImageSlice, into out: UnsafeMutablePointer<Float>) {
    let map = output.gradient
    var sum = BiasGradientArguments(
      map: gradient(output, slice) + map.origin, out: out, images: slice.count, height: map.shape.height,
      width: map.shape.width, image: map.imageStride, row: map.rowStride, pixel: map.channelStride,
      lanes: map.channelStride)
    sum.accumulates = !slice.startsShard
    kernels.biasGradient(sum)
  }

  // MARK: The shards of a run, of layers that take chunks

  /// `target = Σ shards` of a run in the fixed tree, `compute` writing one shard's value.
  func sumOverShards(
    of run: ImageSlice, _ capacity: ImageCapacity, into target: UnsafeMutablePointer<Float>, count: Int,
    _ compute: (ImageSlice, UnsafeMutablePointer<Float>) -> Void
  ) {
    let shards = (run.count + capacity.shard - 1) / capacity.shard
    // The last level is where a shard that is added is computed.
    let last = capacity.treeLevels > 0 ? memory.treeScratch[capacity.treeLevels - 1] : target
    sumTree(0..<shards, into: target, adds: false, count: count, level: 0) { shard, place, adds in
      let first = run.first + shard * capacity.shard
      let images = first..<min(first + capacity.shard, run.first + run.count)
      let slice = ImageSlice(first: first, count: images.count, chunkStart: run.chunkStart, shard: images)
      compute(slice, adds ? last : place)
      if adds { kernels.add(last, place, count) }
    }
  }

  /// `target = Σ shards` in the fixed tree, or `target + Σ shards`; `compute` writes one shard's value, or adds it.
  func sumTree(
    _ shards: Range<Int>, into target: UnsafeMutablePointer<Float>, adds: Bool, count: Int, level: Int,
    _ compute: (_ shard: Int, UnsafeMutablePointer<Float>, _ adds: Bool) -> Void
  ) {
    guard shards.count > 1 else { return compute(shards.lowerBound, target, adds) }
    let middle = shards.lowerBound + ShardTree.split(shards.count)
    let sum = adds ? memory.treeScratch[level] : target
    let below = adds ? level + 1 : level
    sumTree(shards.lowerBound..<middle, into: sum, adds: false, count: count, level: below, compute)
    sumTree(middle..<shards.upperBound, into: sum, adds: true, count: count, level: below, compute)
    if adds { kernels.add(sum, target, count) }
  }
}

import KernelInterface

/// One worker's memory: activations, gradients of activations, losses, labels and the scratch of the shard tree.
///
/// Plain addresses throughout, so that passing it costs no reference counting. Lives in memory that the worker owns and
/// has touched first; nothing is allocated after `init`.
package struct Workspace {
  /// How many images there is memory for.
  let capacity: ImageCapacity
  /// The values' memory, laid out as the plan says.
  let maps: PointerTable<Float>
  let gradients: PointerTable<Float>
  /// What layer i at work keeps of a chunk for its backward pass, such as a pool's mask.
  let masks: PointerTable<Int32>
  /// What layer i at work sums over the blocks of a shard.
  let kept: PointerTable<Float>
  /// One per image of the run, see `describe`.
  package let labels: UnsafeMutablePointer<Int32>
  let examples: UnsafeMutablePointer<Int>
  package let losses: UnsafeMutablePointer<Float>
  package let correct: UnsafeMutablePointer<Int32>
  /// One flat buffer of the front's parameters per level of the shard tree inside a run, but for the last.
  let frontScratch: PointerTable<Float>
  /// A shard's sum of parameter p, before it is added to others; see `LayerMemory.shardSums`.
  let shardSums: PointerTable<Float>
  /// One buffer of `treeLevelFloats` per level of the shard tree inside a run.
  let treeScratch: PointerTable<Float>
  /// Number i of the schedule's sums over all shards, or over each group's, forward and backward.
  let inputTotals: PointerTable<Double>
  let gradientTotals: PointerTable<Double>
  /// What one pass of one layer needs for itself: transform domains, transposed gradients.
  let scratch: UnsafeMutablePointer<Float>
  /// What the next block of a segment reads and writes.
  let ahead: MapsAhead

  /// Bytes of a workspace of `plan`.
  package static func byteCount(_ plan: NetworkPlan) -> Int {
    var layout = BufferLayout(base: nil)
    _ = Workspace(plan, layout: &layout)
    return layout.byteCount
  }

  /// Cuts `memory` (of `byteCount` bytes, aligned to 64) into buffers and clears what must be zero: the maps' halos
  /// and padding lanes. Whatever else the memory held does not matter: maps that lie where others do begin as NaN, so that one
  /// which is read before it is written would be noticed.
  package init(_ plan: NetworkPlan, memory: UnsafeMutableRawPointer) {
    assert(UInt(bitPattern: memory) % 64 == 0, "A workspace is aligned to cache lines.")
    var layout = BufferLayout(base: memory)
    self.init(plan, layout: &layout)
    assert(layout.byteCount == Self.byteCount(plan), "A workspace takes another size than was measured.")
    let places = plan.places
    for (i, map) in plan.maps.enumerated() {
      maps[i].update(repeating: places.maps[i] == nil ? 0 : .nan, count: plan.floatCount(map))
    }
    for (i, map) in plan.gradients.enumerated() {
      gradients[i].update(repeating: places.gradients[i] == nil ? 0 : .nan, count: plan.gradientFloats(i, map))
    }
    for level in 0..<plan.frontLevels { frontScratch[level].update(repeating: 0, count: plan.frontParameterCount) }
    for p in plan.parameters.parameters.indices { shardSums[p].update(repeating: 0, count: plan.shardSumFloats(p)) }
    for level in 0..<plan.capacity.treeLevels { treeScratch[level].update(repeating: 0, count: plan.treeLevelFloats) }
  }

  /// Says which example of its data set image `n` of the run is, and its class; below 0 where that is unknown.
  package func describe(image n: Int, example: Int, label: Int32) {
    (examples + n).initialize(to: example)
    (labels + n).initialize(to: label)
  }

  private init(_ plan: NetworkPlan, layout: inout BufferLayout) {
    capacity = plan.capacity
    let places = plan.places
    let packed = layout.take(places.packedFloats, of: Float.self)
    maps = layout.takeTable(
      plan.maps.map { plan.floatCount($0) }, owners: places.mapOwners, places: places.maps, in: packed)
    gradients = layout.takeTable(
      plan.gradients.enumerated().map { plan.gradientFloats($0, $1) }, owners: places.gradientOwners,
      places: places.gradients, in: packed)
    masks = layout.takeTable(plan.layers.map { $0.memory.maskPerImage * plan.capacity.chunk })
    kept = layout.takeTable(plan.layers.map(\.memory.kept))
    labels = layout.take(plan.capacity.run, of: Int32.self)
    examples = layout.take(plan.capacity.run, of: Int.self)
    losses = layout.take(plan.capacity.run, of: Float.self)
    correct = layout.take(plan.capacity.run, of: Int32.self)
    frontScratch = layout.takeTable([Int](repeating: plan.frontParameterCount, count: plan.frontLevels))
    shardSums = layout.takeTable(plan.parameters.parameters.indices.map(plan.shardSumFloats))
    treeScratch = layout.takeTable([Int](repeating: plan.treeLevelFloats, count: plan.capacity.treeLevels))
    inputTotals = layout.takeTable(plan.schedule.sums.map { plan.groups($0) * $0.forward.count })
    gradientTotals = layout.takeTable(plan.schedule.sums.map { plan.groups($0) * $0.backward.count })
    scratch = layout.take(plan.layers.map(\.memory.scratch).max() ?? 0, of: Float.self)
    ahead = MapsAhead(
      &layout, count: (plan.mapsAhead.forward + plan.mapsAhead.backward).map(\.sources.count).max() ?? 0)
  }
}

extension NetworkPlan {
  /// Floats of a map's or gradient's memory.
  func floatCount(_ map: MapLayout) -> Int { map.floatCount(images: capacity.images(map.residence)) }

  /// Floats of gradient buffer `i`, 0 if no layer needs it.
  func gradientFloats(_ i: Int, _ map: MapLayout) -> Int { storesGradient[i] ? floatCount(map) : 0 }

  /// Floats of a shard's sum of parameter `p` that is added when it is whole.
  func shardSumFloats(_ p: Int) -> Int {
    guard capacity.treeLevels > 0, layers.contains(where: { $0.memory.shardSums.contains(p) }) else { return 0 }
    return parameters.parameters[p].packedCount
  }

  /// Floats that the tree over shards needs per level for layers that take chunks: what they add at a time.
  var treeLevelFloats: Int { layers.map(\.memory.treeFloats).max() ?? 0 }

  /// The groups of a worker's share over which a layer sums; 1 for the whole batch.
  func groups(_ sums: Schedule.LayerSums) -> Int {
    sums.groupShards.map { (capacity.chunk / capacity.shard + $0 - 1) / $0 } ?? 1
  }

  /// Flat buffers of the front's parameters that the tree inside a run needs: right sides of several shards.
  var frontLevels: Int { max(0, capacity.treeLevels - 1) }
}

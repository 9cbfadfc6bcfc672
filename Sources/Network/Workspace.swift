import KernelInterface

/// One worker's memory: activations, gradients of activations, losses, labels and the scratch of the shard tree.
///
/// Plain addresses throughout, so that passing it on costs no reference counting. Lives in memory that the worker owns
/// and has touched first; nothing is allocated after `init`.
package struct Workspace {
  /// Memory of map i; `maps[i]` and `gradients[i]` are laid out as the plan says.
  let maps: PointerTable<Float>
  let gradients: PointerTable<Float>
  /// The mask of pool i, see `PoolArguments`; as long-lived as the pool's output.
  let masks: PointerTable<Int32>
  /// What convolution i sums in the transform domain over the blocks of a shard.
  let transformedSums: PointerTable<Float>
  /// One per image of the run.
  package let labels: UnsafeMutablePointer<Int32>
  package let losses: UnsafeMutablePointer<Float>
  package let correct: UnsafeMutablePointer<Int32>
  /// One flat buffer of the front's parameters per level of the shard tree inside a run, but for the last.
  let frontScratch: PointerTable<Float>
  /// A shard's sum of parameter p, before it is added to others; see `shardSumFloats`.
  let shardSums: PointerTable<Float>
  /// One buffer of `treeLevelFloats` per level of the shard tree inside a run.
  let treeScratch: PointerTable<Float>
  /// What one pass of one layer needs for itself: transform domains, transposed gradients.
  let scratch: UnsafeMutablePointer<Float>

  /// Bytes of a workspace of `plan`.
  package static func byteCount(_ plan: NetworkPlan) -> Int {
    var layout = BufferLayout(base: nil)
    _ = Workspace(plan, layout: &layout)
    return layout.byteCount
  }

  /// Cuts `memory` (of `byteCount` bytes, aligned to 64) into buffers and clears what must be zero: the maps' halos
  /// and padding lanes. Whatever else the memory held does not matter.
  package init(_ plan: NetworkPlan, memory: UnsafeMutableRawPointer) {
    var layout = BufferLayout(base: memory)
    self.init(plan, layout: &layout)
    for (i, map) in plan.maps.enumerated() { maps[i].update(repeating: 0, count: plan.floatCount(map)) }
    for (i, map) in plan.gradients.enumerated() where plan.storesGradient(i) {
      gradients[i].update(repeating: 0, count: plan.floatCount(map))
    }
    for level in 0..<plan.frontLevels { frontScratch[level].update(repeating: 0, count: plan.frontParameterCount) }
    for p in plan.parameters.parameters.indices { shardSums[p].update(repeating: 0, count: plan.shardSumFloats(p)) }
    for level in 0..<plan.capacity.treeLevels { treeScratch[level].update(repeating: 0, count: plan.treeLevelFloats) }
  }

  private init(_ plan: NetworkPlan, layout: inout BufferLayout) {
    maps = layout.takeTable(plan.maps.map { plan.floatCount($0) })
    gradients = layout.takeTable(
      plan.gradients.enumerated().map { i, map in plan.storesGradient(i) ? plan.floatCount(map) : 0 })
    masks = layout.takeTable(plan.stages.indices.map { plan.maskImage($0) * plan.maskImages($0) })
    transformedSums = layout.takeTable(
      plan.stages.map { if case .convolution(let s) = $0 { s.winograd?.keptSums ?? 0 } else { 0 } })
    labels = layout.take(plan.capacity.run, of: Int32.self)
    losses = layout.take(plan.capacity.run, of: Float.self)
    correct = layout.take(plan.capacity.run, of: Int32.self)
    frontScratch = layout.takeTable([Int](repeating: plan.frontParameterCount, count: plan.frontLevels))
    shardSums = layout.takeTable(plan.parameters.parameters.indices.map(plan.shardSumFloats))
    treeScratch = layout.takeTable([Int](repeating: plan.treeLevelFloats, count: plan.capacity.treeLevels))
    scratch = layout.take(plan.scratchFloats, of: Float.self)
  }
}

/// Addresses of consecutive buffers.
typealias PointerTable<T> = UnsafePointer<UnsafeMutablePointer<T>>

/// Hands out consecutive, 64-byte aligned buffers of one block of memory, or only measures where there is none yet.
struct BufferLayout {
  private let base: UnsafeMutableRawPointer?
  private(set) var byteCount = 0

  init(base: UnsafeMutableRawPointer?) { self.base = base }

  mutating func take<T>(_ count: Int, of type: T.Type) -> UnsafeMutablePointer<T> {
    // While measuring, addresses start at a page that is never touched.
    let start = base ?? UnsafeMutableRawPointer(bitPattern: 4096)
    guard let start else { fatalError("An address cannot be formed.") }
    let pointer = (start + byteCount).bindMemory(to: T.self, capacity: count)
    byteCount += roundUp(count * MemoryLayout<T>.stride, to: 64)
    return pointer
  }

  /// Buffers of the given counts, and before them the table of their addresses.
  mutating func takeTable<T>(_ counts: [Int]) -> PointerTable<T> {
    let table = take(counts.count, of: UnsafeMutablePointer<T>.self)
    for (i, count) in counts.enumerated() {
      let buffer = take(count, of: T.self)
      if base != nil { (table + i).initialize(to: buffer) }
    }
    return PointerTable(table)
  }
}

extension NetworkPlan {
  /// Whether the gradient of map `i` exists: behind the first stage with parameters, or everywhere on request.
  func storesGradient(_ i: Int) -> Bool {
    if computesInputGradient { return i < maps.count - 1 }
    let first = stages.firstIndex(where: \.isTrainable) ?? stages.count
    return i > first && i < maps.count - 1
  }

  /// Floats of a map's or gradient's memory.
  func floatCount(_ map: MapLayout) -> Int { map.floatCount(images: capacity.images(map.residence)) }

  /// Words of the mask of one image, 0 for stages that are no pools.
  func maskImage(_ i: Int) -> Int {
    guard case .pool = stages[i] else { return 0 }
    let output = maps[i + 1]
    return output.shape.height
      * PoolArguments.maskRow(outWidth: output.shape.width, channels: output.channelStride)
  }

  /// Images whose masks are kept: of a chunk, like all activations of the front, or of a run.
  func maskImages(_ i: Int) -> Int { i < frontCount ? capacity.chunk : capacity.run }

  /// Floats of the scratch that the hungriest pass needs.
  var scratchFloats: Int {
    var floats = Self.prepareScratchFloats
    for stage in stages {
      switch stage {
      case .convolution(let s): floats = max(floats, s.winograd?.scratchFloats ?? 0)
      case .dense(let s): floats = max(floats, denseScratchFloats(s))
      case .pool, .relu, .softmax: break
      }
    }
    return floats
  }
}

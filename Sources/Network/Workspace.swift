import KernelInterface

/// One worker's memory: activations, gradients of activations, losses, labels and the scratch of the shard tree.
///
/// Plain addresses throughout, so that passing it on costs no reference counting. Lives in memory that the worker owns and has touched first; nothing is allocated after `init`.
package struct Workspace {
  /// Start of map i's first image; `maps[i]` and `gradients[i]` are laid out as the plan says.
  let maps: PointerTable
  let gradients: PointerTable
  package let labels: UnsafeMutablePointer<Int32>
  package let losses: UnsafeMutablePointer<Float>
  package let correct: UnsafeMutablePointer<Int32>
  /// One buffer of `largestParameter` floats per level of the tree inside a chunk.
  let treeScratch: PointerTable
  /// What one pass of one layer needs for itself: transform domains, transposed gradients.
  let scratch: UnsafeMutablePointer<Float>

  /// Bytes of a workspace of `plan` whose chunks have at most `shards` shards.
  package static func byteCount(_ plan: NetworkPlan, shards: Int) -> Int {
    var layout = BufferLayout(base: nil)
    _ = Workspace(plan, shards: shards, layout: &layout)
    return layout.byteCount
  }

  /// Cuts `memory` (of `byteCount` bytes, aligned to 64) into buffers and clears what must be zero: the maps' halos
  /// and padding lanes. Whatever else the memory held does not matter.
  package init(_ plan: NetworkPlan, shards: Int, memory: UnsafeMutableRawPointer) {
    var layout = BufferLayout(base: memory)
    self.init(plan, shards: shards, layout: &layout)
    for (i, map) in plan.maps.enumerated() {
      maps[i].update(repeating: 0, count: map.floatCount(images: plan.maximumExamples))
    }
    for (i, map) in plan.gradients.enumerated() where plan.storesGradient(i) {
      gradients[i].update(repeating: 0, count: map.floatCount(images: plan.maximumExamples))
    }
    for level in 0..<Self.levels(shards) { treeScratch[level].update(repeating: 0, count: plan.largestParameter) }
  }

  private init(_ plan: NetworkPlan, shards: Int, layout: inout BufferLayout) {
    let n = plan.maximumExamples
    maps = layout.takeTable(plan.maps.map { $0.floatCount(images: n) })
    gradients = layout.takeTable(
      plan.gradients.enumerated().map { i, map in plan.storesGradient(i) ? map.floatCount(images: n) : 0 })
    labels = layout.take(n, of: Int32.self)
    losses = layout.take(n, of: Float.self)
    correct = layout.take(n, of: Int32.self)
    treeScratch = layout.takeTable([Int](repeating: plan.largestParameter, count: Self.levels(shards)))
    scratch = layout.take(plan.scratchFloats, of: Float.self)
  }

  /// Levels of the tree inside a chunk of `shards` shards.
  private static func levels(_ shards: Int) -> Int {
    var levels = 0
    while 1 << levels < shards { levels += 1 }
    return levels
  }
}

/// Addresses of consecutive buffers.
typealias PointerTable = UnsafePointer<UnsafeMutablePointer<Float>>

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

  /// Buffers of the given floats, and before them the table of their addresses.
  mutating func takeTable(_ floatCounts: [Int]) -> PointerTable {
    let table = take(floatCounts.count, of: UnsafeMutablePointer<Float>.self)
    for (i, count) in floatCounts.enumerated() {
      let buffer = take(count, of: Float.self)
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

/// Which maps and gradients share a worker's memory, and where.
///
/// Those of one layout lie in the same place, image for image, if no layer writes the one before all layers that read the other
/// have done so. And with meetings, where all of a worker's images pass a segment before the first enters the next, whatever is
/// kept for a chunk and not needed in a segment leaves its memory to what is: the backward pass of the first layers lies where the
/// activations of the last ones were.
struct MapPlaces: Sendable {
  /// A buffer that is needed from one segment of a step to another.
  struct Buffer: Hashable, Sendable {
    var floats: Int
    var life: ClosedRange<Int>
  }

  /// The map, or gradient, in whose memory each one lies: its own, or that of another of its layout.
  private(set) var mapOwners: [Int]
  private(set) var gradientOwners: [Int]
  /// Offsets in one packed block of memory; `nil` for a buffer of its own, as all have without meetings.
  private(set) var maps: [Int?]
  private(set) var gradients: [Int?]
  private(set) var packedFloats = 0

  /// - Parameters:
  ///   - mapLives: by map, from the layer that writes it to the last that reads it; `nil` for one that is not kept for a block or a
  ///     chunk.
  ///   - gradientLives: by gradient, from the layer that reads it to the one that writes it first, in the forward order; `nil` for
  ///     one that is not stored, or not kept for a block or a chunk.
  ///   - roots: by gradient, the one that it shares everything with.
  init(
    maps layouts: [MapLayout], _ mapLives: [ClosedRange<Int>?], gradients gradientLayouts: [MapLayout],
    _ gradientLives: [ClosedRange<Int>?], sharedBy roots: [Int], _ schedule: Schedule, _ capacity: ImageCapacity
  ) {
    maps = layouts.map { _ in nil }
    gradients = roots.map { _ in nil }
    // Maps that are kept for a chunk all outlive the forward pass.
    mapOwners = Self.owners(layouts, zip(layouts, mapLives).map { $0.residence == .chunk ? nil : $1 })
    let owners = Self.owners(gradientLayouts, gradientLives)
    gradientOwners = roots.map { owners[$0] }
    guard schedule.hasMeetings else { return }
    var buffers: [Buffer] = []
    func add(_ layout: MapLayout, _ life: ClosedRange<Int>) -> Int {
      buffers.append(Buffer(floats: layout.floatCount(images: capacity.chunk), life: life))
      return buffers.count - 1
    }
    // Layer l writes map l + 1, and is the last that reads it.
    let mapBuffers = layouts.enumerated().map { value, layout -> Int? in
      guard mapLives[value] != nil, layout.isOverwrittenWhole else { return nil }
      let end = schedule.time(ofBackward: value - 1)
      return add(layout, schedule.segment(ofForward: value - 1)...end)
    }
    var gradientBuffers = gradientLayouts.map { _ -> Int? in nil }
    for (gradient, owner) in owners.enumerated() {
      guard let layers = gradientLives[gradient], gradientLayouts[gradient].isOverwrittenWhole else { continue }
      let life = schedule.time(ofBackward: layers.upperBound)...schedule.time(ofBackward: layers.lowerBound)
      guard let buffer = gradientBuffers[owner] else {
        gradientBuffers[gradient] = add(gradientLayouts[gradient], life)
        continue
      }
      gradientBuffers[gradient] = buffer
      let all = buffers[buffer].life
      buffers[buffer].life = min(all.lowerBound, life.lowerBound)...max(all.upperBound, life.upperBound)
    }
    let offsets = Self.pack(buffers)
    maps = mapBuffers.map { $0.map { offsets[$0] } }
    gradients = roots.map { gradientBuffers[$0].map { offsets[$0] } }
    packedFloats = zip(offsets, buffers).map { $0 + $1.floats }.max() ?? 0
  }

  /// Halos stay zero where maps of one layout share memory, as they are in the same places. Those that are kept for a block have
  /// one layout only if the layers of both take blocks of that size, and so take turns.
  private static func owners(_ layouts: [MapLayout], _ lives: [ClosedRange<Int>?]) -> [Int] {
    var owners = Array(layouts.indices)
    var users: [(owner: Int, life: ClosedRange<Int>)] = []
    for (map, life) in lives.enumerated() {
      guard let life else { continue }
      // The lifetimes of the owner's other users must not overlap either.
      let owner = users.first { candidate in
        layouts[candidate.owner] == layouts[map]
          && users.allSatisfy { $0.owner != candidate.owner || !$0.life.overlaps(life) }
      }?.owner
      owners[map] = owner ?? map
      users.append((owner ?? map, life))
    }
    return owners
  }

  /// Offsets of buffers such that those which are needed at one time lie beside each other: the largest first, each in the first
  /// gap that it fits.
  static func pack(_ buffers: [Buffer]) -> [Int] {
    var offsets = [Int](repeating: 0, count: buffers.count)
    var placed: [Int] = []
    for i in buffers.indices.sorted(by: { (-buffers[$0].floats, $0) < (-buffers[$1].floats, $1) }) {
      let others = placed.filter { buffers[$0].life.overlaps(buffers[i].life) }.sorted { offsets[$0] < offsets[$1] }
      for other in others where offsets[other] < offsets[i] + buffers[i].floats {
        offsets[i] = max(offsets[i], roundUp(offsets[other] + buffers[other].floats, to: MapLayout.floatsPerLine))
      }
      placed.append(i)
    }
    return offsets
  }
}

extension MapLayout {
  /// Whether all images of a chunk are kept and each float of them is written before it is read, so that the memory may hold
  /// anything before: there is no halo, and there are no padding lanes.
  fileprivate var isOverwrittenWhole: Bool {
    residence == .chunk && halo == Halo() && channelStride == shape.channels
  }
}

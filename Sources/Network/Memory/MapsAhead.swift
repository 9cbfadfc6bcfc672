import KernelInterface

/// What a segment of a net with meetings reads and writes in memory: maps and gradients of the next block of images are
/// prefetched while this one's sums are computed.
///
/// Between two meetings all images of a worker pass a few layers, so that maps which outlive a segment come from memory, one
/// block after the other; without this a norm, which computes little with them, would wait for them. Convolutions, which compute
/// much, hand parts of them on to their kernels, see `TileSum.ahead`. Changes speed only.
///
/// Plain addresses in a workspace, as there.
struct MapsAhead {
  /// Maps, or gradients, by their numbers in a plan.
  struct Source: Hashable, Sendable {
    var isGradient: Bool
    var index: Int
  }

  /// The maps and gradients of a segment's layers that stay for a chunk: all in the order of their use, and those it writes.
  struct Segment: Sendable {
    var sources: [Source]
    var written: [Source]
  }

  /// A map's memory.
  private struct Stream {
    var start: UnsafePointer<Float>
    var imageStride: Int
    /// What has not been handed on of the next block's images.
    var next: UnsafePointer<Float>
    var end: UnsafePointer<Float>
  }

  private struct State {
    var streams = 0
    var images = 0
    /// The stream that `take` looks at.
    var current = 0
    /// Floats that `take` hands on at a time.
    var portion = 0
  }

  /// Portions that the next block's maps are handed on in, about half of the products that a convolution computes of a block by
  /// Winograd's method: they are there in time.
  private static let portions = 16

  private let streams: UnsafeMutablePointer<Stream>
  private let state: UnsafeMutablePointer<State>

  /// Room for `count` sources.
  init(_ layout: inout BufferLayout, count: Int) {
    streams = layout.take(count, of: Stream.self)
    state = layout.take(1, of: State.self)
    if layout.hasMemory { state.initialize(to: State()) }
  }

  /// A segment begins, over so many images.
  func begin(images: Int) { state.pointee = State(images: images) }

  /// One of the maps of the segment, of which the first image is at `start`.
  func add(_ start: UnsafePointer<Float>, imageStride: Int) {
    (streams + state.pointee.streams).initialize(
      to: Stream(start: start, imageStride: imageStride, next: start, end: start))
    state.pointee.streams += 1
  }

  /// There is nothing to prefetch from here on.
  func end() { state.pointee = State() }

  /// The computation of a block of the segment's images begins; the next one is as large, or what is left.
  func enter(first: Int, count: Int) {
    guard state.pointee.streams > 0 else { return }
    let from = first + count
    let to = max(from, min(from + count, state.pointee.images))
    var floats = 0
    for s in 0..<state.pointee.streams {
      let (start, stride) = (streams[s].start, streams[s].imageStride)
      streams[s].next = start + from * stride
      streams[s].end = start + to * stride
      floats += (to - from) * stride
    }
    state.pointee.current = 0
    state.pointee.portion = roundUp((floats + Self.portions - 1) / Self.portions, to: MapLayout.floatsPerLine)
  }

  /// The next part of what is to be prefetched, of at most `most` floats; `nil` when all of it has been handed on.
  func take(atMost most: Int) -> UnsafeBufferPointer<Float>? {
    guard most > 0 else { return nil }
    while state.pointee.current < state.pointee.streams {
      let stream = streams + state.pointee.current
      let left = stream.pointee.end - stream.pointee.next
      if left > 0 {
        let part = UnsafeBufferPointer(start: stream.pointee.next, count: min(left, state.pointee.portion, most))
        stream.pointee.next += part.count
        return part
      }
      state.pointee.current += 1
    }
    return nil
  }
}

extension NetworkPlan {
  /// By segment of the forward, and of the backward pass; empty without meetings.
  static func mapsAhead(
    _ layout: NetworkLayout, _ places: MapPlaces
  ) -> (forward: [MapsAhead.Segment], backward: [MapsAhead.Segment]) {
    guard layout.schedule.hasMeetings else { return ([], []) }
    let (work, front) = (layout.work, 0..<layout.frontCount)
    func map(_ index: Int) -> MapsAhead.Source? {
      layout.maps[index].residence == .chunk ? MapsAhead.Source(isGradient: false, index: index) : nil
    }
    func gradient(_ index: Int) -> MapsAhead.Source? {
      layout.gradients[index].residence == .chunk
        ? MapsAhead.Source(isGradient: true, index: places.gradientOwners[index]) : nil
    }
    func inputs(_ l: Int) -> [MapsAhead.Source?] { work[l].inputs.map { map($0.gradient) } }
    func unique(_ sources: [MapsAhead.Source?]) -> [MapsAhead.Source] {
      var seen = Set<MapsAhead.Source>()
      return sources.compactMap(\.self).filter { seen.insert($0).inserted }
    }
    let forward = layout.schedule.forward.map { range in
      let range = range.clamped(to: front)
      // What layers of the segment hand each other is in the cache; what they write is not, and is brought there to be written.
      let written = range.map { map($0 + 1) }
      let read = range.flatMap { l in inputs(l).filter { $0.map { !range.contains($0.index - 1) } ?? false } }
      return MapsAhead.Segment(sources: unique(read + written), written: unique(written))
    }
    let backward = layout.schedule.backward.enumerated().map { s, segment in
      let range = segment.clamped(to: front)
      func written(_ l: Int) -> [MapsAhead.Source?] {
        work[l].inputs.filter(\.isComputed).map { gradient($0.gradient) }
      }
      let sources = range.reversed().filter { work[$0].hasBackward }.flatMap { l in
        [gradient(l + 1)] + inputs(l) + (work[l].recomputes.map(inputs) ?? []) + written(l)
      }
      // The sums of the meeting that follows read a layer's input, too.
      let summed = s == 0 ? [] : layout.schedule.layers(of: layout.schedule.meetings[s - 1]).flatMap(inputs)
      return MapsAhead.Segment(sources: unique(sources + summed), written: unique(range.flatMap(written)))
    }
    return (forward, backward)
  }

  /// Bytes of maps and gradients that a step over `images` images moves between a core's caches and memory, if the caches hold
  /// `cacheBytes` of those used last: what a segment reads is fetched, what it writes is fetched and written back. 0 without
  /// meetings.
  package func segmentBytes(images: Int, cacheBytes: Int) -> Int {
    var cached: [(source: MapsAhead.Source, bytes: Int, isChanged: Bool)] = []
    var (held, moved) = (0, 0)
    func use(_ source: MapsAhead.Source, changes: Bool) {
      var map = (source: source, bytes: images * imageStride(source) * MemoryLayout<Float>.stride, isChanged: changes)
      if let place = cached.firstIndex(where: { $0.source == source }) {
        map.isChanged = cached.remove(at: place).isChanged || changes
      } else {
        held += map.bytes
        moved += map.bytes
      }
      cached.append(map)
      while held > cacheBytes {
        let oldest = cached.removeFirst()
        held -= oldest.bytes
        if oldest.isChanged { moved += oldest.bytes }
      }
    }
    // The second step, which finds what the first one left.
    for _ in 0..<2 {
      moved = 0
      for segment in mapsAhead.forward + mapsAhead.backward {
        for source in segment.sources { use(source, changes: segment.written.contains(source)) }
      }
    }
    return moved
  }

  private func imageStride(_ source: MapsAhead.Source) -> Int {
    source.isGradient ? gradients[source.index].imageStride : maps[source.index].imageStride
  }

  /// Tells a workspace what a segment over `images` images reads and writes.
  func begin(_ segment: MapsAhead.Segment, images: Int, _ w: Workspace) {
    w.ahead.begin(images: images)
    for source in segment.sources {
      let start = source.isGradient ? w.gradients[source.index] : w.maps[source.index]
      w.ahead.add(start, imageStride: imageStride(source))
    }
  }
}

extension TileSum {
  /// Has a part of what lies ahead prefetched by its kernel, at most a cache line with each step of a tile of eight rows.
  mutating func takeAhead(_ maps: MapsAhead?) {
    let part = maps?.take(atMost: outer * middle * inner * rows / 8 * ((lanes + 31) / 32) * 16)
    ahead = part?.baseAddress
    aheadFloats = part?.count ?? 0
  }
}

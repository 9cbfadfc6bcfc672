/// The order of a pass: segments of layers, cut where a layer needs a meeting of all workers.
///
///     forward    segment 0 ─┃─ segment 1 ─┃─ … ─ last segment, loss
///     backward   segment 0 ─┃─ segment 1 ─┃─ … ─ last segment          from right to left
///
/// ┃ is a meeting: each shard's sums are stored, all workers meet, each adds the sums of all shards. The layer that needs
/// it is the first of its segment forward, and the last layer of the segment before it backward.
///
/// Where examples depend on those of a group of shards alone, nobody waits at ┃: a worker has whole groups.
///
/// Without meetings a pass is one segment, and a worker takes its images chunk by chunk through it, forward and back; with
/// meetings all images of a worker pass a segment before the first of them enters the next.
package struct Schedule: Sendable {
  package struct Meeting: Sendable, Hashable {
    /// Number of the layer at work.
    package var layer: Int
    /// Where its sums lie among those of a shard.
    package var forward: Range<Int>
    package var backward: Range<Int>
    /// The shards of a group whose sums are added without meeting; `nil` where all workers meet.
    package var groupShards: Int?
  }

  /// What a layer sums in its meeting.
  struct Sums {
    var forward: Int
    var backward: Int
    var groupShards: Int?
  }

  /// Layers at work by segment, forward and backward.
  package private(set) var forward: [Range<Int>] = []
  package private(set) var backward: [Range<Int>] = []
  /// Meeting m lies between segments m and m + 1.
  package private(set) var meetings: [Meeting] = []
  /// Sums per shard of all meetings, both ways.
  package private(set) var sumsPerShard = 0

  /// `sums[l]` is what layer l at work sums in its meeting, `nil` for layers that need none.
  init(_ sums: [Sums?]) {
    var start = 0
    for (layer, count) in sums.enumerated() {
      guard let count else { continue }
      forward.append(start..<layer)
      backward.append((backward.last?.upperBound ?? 0)..<layer + 1)
      let middle = sumsPerShard + count.forward
      meetings.append(
        Meeting(
          layer: layer, forward: sumsPerShard..<middle, backward: middle..<middle + count.backward,
          groupShards: count.groupShards))
      sumsPerShard = middle + count.backward
      start = layer
    }
    forward.append(start..<sums.count)
    backward.append((backward.last?.upperBound ?? 0)..<sums.count)
  }

  /// Those of them that all workers read.
  package var sharedSumsPerShard: Int {
    meetings.reduce(0) { $1.groupShards == nil ? $0 + $1.forward.count + $1.backward.count : $0 }
  }

  package var hasMeetings: Bool { !meetings.isEmpty }

  /// The segment in which a layer takes its forward, or its backward pass.
  func segment(ofForward layer: Int) -> Int { forward.firstIndex { $0.contains(layer) } ?? 0 }
  func segment(ofBackward layer: Int) -> Int { backward.firstIndex { $0.contains(layer) } ?? 0 }
}

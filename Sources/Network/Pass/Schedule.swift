/// The order of a pass: segments of layers, cut where a layer needs a meeting of all workers.
///
///     forward    segment 0 ─┃─ segment 1 ─┃─ … ─ last segment, loss
///     backward   segment 0 ─┃─ segment 1 ─┃─ … ─ last segment          from right to left
///
/// ┃ is a meeting: each shard's sums are stored, all workers meet, each adds the sums of all shards. The layers that need
/// it are the first of their segment forward, and the last layers of the segment before it backward. Layers that follow one
/// another and do not read each other have one meeting.
///
/// Where examples depend on those of a group of shards alone, nobody waits at ┃: a worker has whole groups.
///
/// Without meetings a pass is one segment, and a worker takes its images chunk by chunk through it, forward and back; with
/// meetings all images of a worker pass a segment before the first of them enters the next.
package struct Schedule: Sendable {
  /// What one layer sums.
  package struct LayerSums: Sendable, Hashable {
    /// Number of the layer at work.
    package var layer: Int
    /// Where its sums lie among those of a shard.
    package var forward: Range<Int>
    package var backward: Range<Int>
    /// The shards of a group whose sums are added without meeting; `nil` where all workers meet.
    package var groupShards: Int?
  }

  package struct Meeting: Sendable, Hashable {
    /// Numbers of the sums it is about.
    package var sums: Range<Int>
    /// Whether workers wait for each other.
    package var waits: Bool
  }

  /// How much a layer sums.
  struct Counts {
    var forward: Int
    var backward: Int
    var groupShards: Int?
  }

  /// Layers at work by segment, forward and backward.
  package private(set) var forward: [Range<Int>] = []
  package private(set) var backward: [Range<Int>] = []
  /// By layer that sums anything, ascending.
  package private(set) var sums: [LayerSums] = []
  /// Meeting m lies between segments m and m + 1.
  package private(set) var meetings: [Meeting] = []
  /// Sums per shard of all meetings, both ways.
  package private(set) var sumsPerShard = 0

  /// `counts[l]` is what layer l at work sums in its meeting, `nil` for layers that need none; `inputs[l]` are the layers whose
  /// outputs it reads.
  init(_ counts: [Counts?], inputs: [[Int]]) {
    var start = 0
    for (layer, count) in counts.enumerated() {
      guard let count else { continue }
      // The first layer of the segment that begins with the last meeting.
      let joins =
        !meetings.isEmpty && start + meetings[meetings.count - 1].sums.count == layer
        && inputs[layer].allSatisfy { $0 < start }
      if !joins {
        forward.append(start..<layer)
        backward.append((backward.last?.upperBound ?? 0)..<layer)
        meetings.append(Meeting(sums: sums.count..<sums.count, waits: false))
        start = layer
      }
      let (middle, last) = (sumsPerShard + count.forward, meetings.count - 1)
      sums.append(
        LayerSums(
          layer: layer, forward: sumsPerShard..<middle, backward: middle..<middle + count.backward,
          groupShards: count.groupShards))
      sumsPerShard = middle + count.backward
      backward[last] = backward[last].lowerBound..<layer + 1
      meetings[last] = Meeting(
        sums: meetings[last].sums.lowerBound..<sums.count, waits: meetings[last].waits || count.groupShards == nil)
    }
    forward.append(start..<counts.count)
    backward.append((backward.last?.upperBound ?? 0)..<counts.count)
  }

  /// Those of the sums per shard that all workers read.
  package var sharedSumsPerShard: Int {
    sums.reduce(0) { $1.groupShards == nil ? $0 + $1.forward.count + $1.backward.count : $0 }
  }

  /// The sums of a step in the order in which they are taken, forward and then backward, and where they lie among a shard's.
  package var order: [(layer: Int, isForward: Bool, range: Range<Int>)] {
    sums.map { ($0.layer, true, $0.forward) } + sums.reversed().map { ($0.layer, false, $0.backward) }
  }

  package var hasMeetings: Bool { !meetings.isEmpty }

  /// The layers whose sums a meeting is about.
  func layers(of meeting: Meeting) -> [Int] { sums[meeting.sums].map(\.layer) }

  /// The segment in which a layer takes its forward, or its backward pass.
  func segment(ofForward layer: Int) -> Int { forward.firstIndex { $0.contains(layer) } ?? 0 }
  func segment(ofBackward layer: Int) -> Int { backward.firstIndex { $0.contains(layer) } ?? 0 }

  /// The time of a segment in a step, counted in segments: that of the forward pass is its number, those of the backward pass
  /// follow in their order.
  func time(ofBackward layer: Int) -> Int { forward.count + backward.count - 1 - segment(ofBackward: layer) }
}

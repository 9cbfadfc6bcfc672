import Diagnostics
import Network

/// What layers sum over the whole batch, as ranks send it to each other: the sums of one meeting shard by shard.
///
/// `@unchecked Sendable`: the courier's alone.
final class MeetingMessages: @unchecked Sendable {
  private let sumsPerShard: Int
  /// Where each meeting's sums lie among those of a shard, in the order in which ranks wait in a step.
  private let places: [[Range<Int>]]
  /// Those of layers whose groups wait for nobody: running statistics are of all of them.
  private let ofGroups: [Range<Int>]
  private let buffer: UnsafeMutablePointer<Double>
  private let groups: UnsafeMutablePointer<Double>

  init(_ schedule: Schedule, shards: Int) {
    sumsPerShard = schedule.sumsPerShard
    let waiting = schedule.meetings.filter(\.waits)
    func places(_ meeting: Schedule.Meeting, _ way: (Schedule.LayerSums) -> Range<Int>) -> [Range<Int>] {
      schedule.sums[meeting.sums].filter { $0.groupShards == nil }.map(way)
    }
    self.places = waiting.map { places($0, \.forward) } + waiting.reversed().map { places($0, \.backward) }
    ofGroups = schedule.sums.filter { $0.groupShards != nil }.map(\.forward)
    func allocate(_ count: Int) -> UnsafeMutablePointer<Double> {
      let buffer = UnsafeMutablePointer<Double>.allocate(capacity: max(1, count * shards))
      buffer.initialize(repeating: 0, count: max(1, count * shards))
      return buffer
    }
    buffer = allocate(self.places.map(Self.count).max() ?? 0)
    groups = allocate(Self.count(ofGroups))
  }

  deinit {
    buffer.deallocate()
    groups.deallocate()
  }

  /// Starts to bring the sums of meeting `number` of a step to all ranks.
  func begin(_ number: Int, _ runs: [Range<Int>], own: Int, _ sums: UnsafePointer<Double>, _ messages: Messages)
    throws(UserError)
  {
    begin(places[number], runs[own], sums, buffer)
    let count = Self.count(places[number])
    try messages.gather { bytes(buffer, count * runs[$0].lowerBound..<count * runs[$0].upperBound) }
  }

  func finish(_ number: Int, _ runs: [Range<Int>], own: Int, _ sums: UnsafeMutablePointer<Double>) {
    finish(places[number], runs, own: own, buffer, sums)
  }

  /// The same for sums that no rank waits for in the middle of a pass.
  func beginGroups(_ runs: [Range<Int>], own: Int, _ sums: UnsafePointer<Double>, _ messages: Messages)
    throws(UserError)
  {
    begin(ofGroups, runs[own], sums, groups)
    let count = Self.count(ofGroups)
    try messages.gather { bytes(groups, count * runs[$0].lowerBound..<count * runs[$0].upperBound) }
  }

  func finishGroups(_ runs: [Range<Int>], own: Int, _ sums: UnsafeMutablePointer<Double>) {
    finish(ofGroups, runs, own: own, groups, sums)
  }

  private static func count(_ places: [Range<Int>]) -> Int { places.reduce(0) { $0 + $1.count } }

  /// Packs the own shards' sums.
  private func begin(
    _ places: [Range<Int>], _ run: Range<Int>, _ sums: UnsafePointer<Double>, _ packed: UnsafeMutablePointer<Double>
  ) {
    forEach(places, run) { place, shard in
      (packed + place).update(from: sums + shard.lowerBound, count: shard.count)
    }
  }

  /// Unpacks those of all others.
  private func finish(
    _ places: [Range<Int>], _ runs: [Range<Int>], own: Int, _ packed: UnsafePointer<Double>,
    _ sums: UnsafeMutablePointer<Double>
  ) {
    for (rank, run) in runs.enumerated() where rank != own {
      forEach(places, run) { place, shard in
        (sums + shard.lowerBound).update(from: packed + place, count: shard.count)
      }
    }
  }

  /// Calls `body` with each stretch: where it is packed, and where it lies among the sums of all shards.
  @inline(__always)
  private func forEach(_ places: [Range<Int>], _ run: Range<Int>, _ body: (_ packed: Int, _ sums: Range<Int>) -> Void) {
    var packed = run.lowerBound * Self.count(places)
    for shard in run {
      for place in places {
        body(packed, shard * sumsPerShard + place.lowerBound..<shard * sumsPerShard + place.upperBound)
        packed += place.count
      }
    }
  }
}

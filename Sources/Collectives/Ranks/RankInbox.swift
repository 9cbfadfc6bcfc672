/// The partial sums of a batch as one rank holds them: its own in its workers' memory, those of other ranks as they come in.
///
/// Of the others it holds the floats of its segment alone: whoever asks gets the address that the first float of the buffer
/// would have. Results are those of the rank's own memory groups.
///
/// `@unchecked Sendable`: filled by the courier between two barriers, and read and written in segments after it.
package final class RankInbox: Transport, @unchecked Sendable {
  /// The program of the ranks, whose workers they are, and that of the rank's own workers, which holds its sums.
  private let program: ReductionProgram
  private let own: ReductionProgram
  private let workers: SharedMemory
  private let rank: Int
  private let segment: Range<Int>
  private let floats: UnsafeMutablePointer<Float>
  private let stride: Int
  /// Where each rank's sums begin among those of all others.
  private let first: [Int]
  /// How many sums each rank has.
  package let counts: [Int]

  /// - Parameters:
  ///   - floats: room for `floatCount`.
  ///   - workers: the partial sums of the rank's workers.
  package init(
    _ program: ReductionProgram, own: ReductionProgram, rank: Int, ranks: Int, segment: Range<Int>,
    floats: UnsafeMutablePointer<Float>, workers: SharedMemory
  ) {
    self.program = program
    self.own = own
    self.workers = workers
    self.rank = rank
    self.segment = segment
    self.floats = floats
    stride = Self.stride(segment)
    var counts = [Int](repeating: 0, count: ranks)
    for node in program.nodes { counts[node.worker] += 1 }
    self.counts = counts
    precondition(counts[rank] == own.roots.count, "A rank sends the sums that its workers end with.")
    first = counts.indices.map { peer in
      counts[..<peer].reduce(0, +) - (peer > rank ? counts[rank] : 0)
    }
  }

  package var groupCount: Int { workers.groupCount }

  package func partialSum(worker: Int, slot: Int) -> UnsafeMutablePointer<Float> {
    assert(slot >= 0 && slot < counts[worker], "Rank \(worker) has no sum \(slot).")
    guard worker == rank else { return floats + (first[worker] + slot) * stride - segment.lowerBound }
    let node = own.nodes[own.roots[slot]]
    return workers.partialSum(worker: node.worker, slot: node.slot)
  }

  package func distribute(_ range: Range<Int>, of group: Int) { workers.distribute(range, of: group) }

  /// Floats that an inbox takes for the sums of a program that are not the rank's own.
  package static func floatCount(_ program: ReductionProgram, rank: Int, segment: Range<Int>) -> Int {
    program.nodes.count { $0.worker != rank } * stride(segment)
  }

  /// From one sum to the next: whole pages.
  package static func stride(_ segment: Range<Int>) -> Int { (segment.count + 1023) / 1024 * 1024 }
}

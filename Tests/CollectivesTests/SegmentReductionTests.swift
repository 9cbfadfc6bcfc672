import Collectives
import Testing

/// The all-reduce on one thread: what every worker would do between barriers, worker after worker.
@Suite("The all-reduce over segments")
struct SegmentReductionTests {
  /// Partial sums and results in plain memory. Used by one thread.
  private final class Buffers {
    let sums: [UnsafeMutablePointer<Float>]
    let results: [UnsafeMutablePointer<Float>]
    let count: Int

    init(workers: Int, groups: Int, count: Int) {
      self.count = count
      sums = (0..<workers).map { worker in
        let sum = UnsafeMutablePointer<Float>.allocate(capacity: count)
        for i in 0..<count { sum[i] = Float((worker + 1) * 1_000 + i % 97) }
        return sum
      }
      results = (0..<groups).map { _ in
        let result = UnsafeMutablePointer<Float>.allocate(capacity: count)
        result.initialize(repeating: .nan, count: count)
        return result
      }
    }

    deinit { for buffer in sums + results { buffer.deallocate() } }
  }

  /// A sum per worker, of as many shards as workers; `finish` writes the negated sum.
  @Test("every group gets the sum of all, each float made once", arguments: 1...7, [0, 32, 2048, 6240])
  func sums(workers: Int, count: Int) {
    for groupCount in 1...workers {
      let groups = (0..<groupCount).map { workers * $0 / groupCount..<workers * ($0 + 1) / groupCount }
      let buffers = Buffers(workers: workers, groups: groupCount, count: count)
      let transport = SharedMemory(workers: workers, slots: 1, results: buffers.results)
      for (worker, sum) in buffers.sums.enumerated() { transport.enter(sum, worker: worker, slot: 0) }
      let expected = (0..<count).map { i in -buffers.sums.reduce(0) { $0 + $1[i] } }
      let program = ReductionProgram(
        shardCount: workers, runs: (0..<workers).map { $0..<$0 + 1 }, groups: groups)
      let segments = Segments.all(count: count, groups: groups)
      let reductions = (0..<workers).map { worker in
        let group = groups.firstIndex { $0.contains(worker) } ?? 0
        return SegmentReduction(program, group: group, over: transport) { from, into, count in
          for i in 0..<count { into[i] += from[i] }
        }
      }
      for members in groups {
        for worker in members {
          let part = Segments.segment(worker - members.lowerBound, of: members.count, count: count)
          if groupCount > 1 { reductions[worker].sumInside(part) }
        }
      }
      var made = [Int](repeating: 0, count: count)
      for (worker, segment) in segments.enumerated() {
        let own = buffers.results[groups.firstIndex { $0.contains(worker) } ?? 0]
        reductions[worker].reduce(segment) { block, sum in
          #expect(block.count <= 2048 && block.count % 32 == 0 && segment.clamped(to: block) == block)
          for i in block {
            own[i] = -sum[i - block.lowerBound]
            made[i] += 1
          }
          reductions[worker].distribute(block)
        }
      }
      #expect(made.allSatisfy { $0 == 1 })
      for result in buffers.results {
        #expect(Array(UnsafeBufferPointer(start: result, count: count)) == expected, "\(groups)")
      }
    }
  }
}

@Suite("Segments of a flat buffer") struct SegmentTests {
  /// Segments tile the parameters in worker order, and between nodes they are cut at pages.
  @Test(
    "segments cover the parameters without gaps", arguments: [0, 32, 96, 1024, 4096, 15_296, 1_000_000 / 32 * 32],
    [1, 2, 3, 8])
  func segmentsTileTheParameters(count: Int, nodes: Int) {
    for perNode in [1, 2, 7] {
      let groups = (0..<nodes).map { $0 * perNode..<($0 + 1) * perNode }
      let segments = Segments.all(count: count, groups: groups)
      #expect(segments.count == nodes * perNode)
      #expect(segments.first?.lowerBound == 0 && segments.last?.upperBound == count)
      for (segment, next) in zip(segments, segments.dropFirst()) { #expect(segment.upperBound == next.lowerBound) }
      #expect(segments.allSatisfy { $0.lowerBound % 32 == 0 })
      for group in groups { #expect(segments[group.lowerBound].lowerBound % 1024 == 0) }
    }
  }

  @Test("one node's segments are even")
  func oneNodeIsCutEvenly() {
    for workers in [1, 2, 3, 17] {
      #expect(
        Segments.all(count: 15_296, groups: [0..<workers])
          == (0..<workers).map { Segments.segment($0, of: workers, count: 15_296) })
    }
  }
}

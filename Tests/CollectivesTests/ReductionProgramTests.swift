import Summation
import Testing

@testable import Collectives

/// The order in which partial sums of workers become one, over shard counts 1…40 and workers 1…32.
@Suite("Reduction programs")
struct ReductionProgramTests {
  /// How a test run is cut: evenly as the trainer does, or at arbitrary places.
  private static func evenRuns(_ shards: Int, _ workers: Int) -> [Range<Int>] {
    (0..<workers).map { shards * $0 / workers..<shards * ($0 + 1) / workers }
  }

  /// Cuts in ascending order from a simple generator; workers without shards occur anywhere.
  private static func unevenRuns(_ shards: Int, _ workers: Int, seed: Int) -> [Range<Int>] {
    var state = UInt64(seed &* 2_654_435_761 &+ 12_345)
    var cuts = (1..<workers).map { _ -> Int in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(shards + 1))
    }
    cuts.sort()
    return zip([0] + cuts, cuts + [shards]).map { $0..<$1 }
  }

  /// The tree as the documentation states it: split at the largest power of two below the count.
  private static func tree(_ shards: Range<Int>) -> String {
    guard shards.count > 1 else { return "\(shards.lowerBound)" }
    var left = 1
    while left * 2 < shards.count { left *= 2 }
    let middle = shards.lowerBound + left
    return "(\(tree(shards.lowerBound..<middle))+\(tree(middle..<shards.upperBound)))"
  }

  /// Every cut that the tests run over.
  private static func forEachProgram(_ body: (ReductionProgram, [Range<Int>], Int) -> Void) {
    for shards in 1...40 {
      for workers in 1...32 {
        for runs in [
          evenRuns(shards, workers), unevenRuns(shards, workers, seed: shards),
          unevenRuns(shards, workers, seed: 1000 + workers),
        ] { body(ReductionProgram(shardCount: shards, runs: runs), runs, shards) }
      }
    }
  }

  @Test("executed on integers it gives their sum, in the first node")
  func sums() {
    Self.forEachProgram { program, runs, shards in
      let values = (0..<shards).map { 1 << ($0 % 20) + $0 * $0 }
      var sums = program.nodes.map { values[$0.shards].reduce(0, +) }
      for step in program.steps { sums[step.into] += sums[step.from] }
      #expect(sums[0] == values.reduce(0, +), "\(runs)")
    }
  }

  @Test("executed on text it is the tree over the shards, whoever holds them")
  func order() {
    Self.forEachProgram { program, runs, shards in
      var sums = program.nodes.map { Self.tree($0.shards) }
      for step in program.steps { sums[step.into] = "(\(sums[step.into])+\(sums[step.from]))" }
      #expect(sums[0] == Self.tree(0..<shards), "\(runs)")
    }
  }

  /// Contiguous workers in 1 to 5 groups of any size.
  private static func groups(_ workers: Int, _ count: Int) -> [Range<Int>] {
    let count = min(count, workers)
    return (0..<count).map { workers * $0 / count..<workers * ($0 + 1) / count }
  }

  @Test("groups add what is theirs, then what joins them: the same tree", arguments: 1...5)
  func phases(count: Int) {
    Self.forEachProgram { whole, runs, shards in
      let groups = Self.groups(runs.count, count)
      let program = ReductionProgram(shardCount: shards, runs: runs, groups: groups)
      #expect(program.nodes == whole.nodes && program.steps == whole.steps)
      #expect(program.inside.count == groups.count)
      var sums = program.nodes.map { Self.tree($0.shards) }
      // Groups do not wait for each other: the last one first.
      for (group, steps) in zip(groups, program.inside).reversed() {
        for step in steps {
          #expect(group.contains(program.nodes[step.into].worker) && group.contains(program.nodes[step.from].worker))
          sums[step.into] = "(\(sums[step.into])+\(sums[step.from]))"
        }
      }
      for step in program.across { sums[step.into] = "(\(sums[step.into])+\(sums[step.from]))" }
      #expect(sums[0] == Self.tree(0..<shards), "\(runs) in \(groups)")
      #expect(program.across.count + program.inside.reduce(0) { $0 + $1.count } == whole.steps.count)
      #expect(count > 1 || program.across.isEmpty)
    }
  }

  /// Every way in which these tests deal shards to ranks, and those to 1 to 3 workers in 1 or 2 groups.
  @Test("ranks add what is theirs, then what joins them: the same tree", arguments: 1...6)
  func ranks(count: Int) {
    for shards in 1...40 {
      for deal in [Self.evenRuns(shards, count), Self.unevenRuns(shards, count, seed: shards)] {
        let joint = ReductionProgram(shardCount: shards, runs: deal)
        var sums: [String] = []
        for (rank, run) in deal.enumerated() {
          let workers = 1 + (rank + shards) % 3
          let runs = Self.evenRuns(run.count, workers).map {
            run.lowerBound + $0.lowerBound..<run.lowerBound + $0.upperBound
          }
          let own = ReductionProgram(shardCount: shards, runs: runs, groups: Self.groups(workers, 1 + shards % 2))
          var partial = own.nodes.map { Self.tree($0.shards) }
          for step in own.inside.flatMap({ $0 }) + own.across {
            partial[step.into] = "(\(partial[step.into])+\(partial[step.from]))"
          }
          #expect(own.roots.count == joint.nodes(of: rank).count, "\(deal)")
          sums += own.roots.map { partial[$0] }
        }
        for step in joint.steps { sums[step.into] = "(\(sums[step.into])+\(sums[step.from]))" }
        #expect(joint.roots == [0] && sums[0] == Self.tree(0..<shards), "\(deal)")
      }
    }
  }

  @Test("equal nodes of a power of two leave one addition per node but the first")
  func across() {
    for nodes in [1, 2, 4, 8] {
      let workers = nodes * 16
      let program = ReductionProgram(
        shardCount: 2 * workers, runs: (0..<workers).map { 2 * $0..<2 * $0 + 2 }, groups: Self.groups(workers, nodes))
      #expect(program.across.count == nodes - 1)
      #expect(program.inside.map(\.count) == [Int](repeating: 15, count: nodes))
    }
  }

  @Test("every partial sum is read once, after its last addition, and none but the first remains")
  func everyNodeIsUsedOnce() {
    Self.forEachProgram { program, runs, _ in
      var alive = [Bool](repeating: true, count: program.nodes.count)
      for step in program.steps {
        #expect(step.into != step.from && alive[step.into] && alive[step.from], "\(runs)")
        alive[step.from] = false
      }
      #expect(program.steps.count == program.nodes.count - 1)
      #expect(alive == [true] + alive.dropFirst().map { _ in false }, "\(runs)")
    }
  }

  @Test("a worker's nodes tile its run in order, in slots of their own")
  func nodesTileRuns() {
    Self.forEachProgram { program, runs, _ in
      for (worker, run) in runs.enumerated() {
        let nodes = program.nodes(of: worker)
        #expect(nodes.map(\.slot) == Array(0..<nodes.count))
        #expect(nodes.flatMap { Array($0.shards) } == Array(run), "\(runs)")
        #expect(nodes.count <= program.slotsPerWorker)
      }
    }
  }

  @Test("nodes are maximal: no two of a worker have their parent in its run")
  func nodesAreMaximal() {
    Self.forEachProgram { program, runs, shards in
      for (worker, run) in runs.enumerated() {
        for node in program.nodes(of: worker) where node.shards != 0..<shards {
          // From the root down to the node: the last node before it is its parent.
          var parent = 0..<shards
          var inner = parent
          while inner != node.shards {
            parent = inner
            let middle = parent.lowerBound + ShardTree.split(parent.count)
            inner =
              node.shards.lowerBound < middle ? parent.lowerBound..<middle : middle..<parent.upperBound
          }
          #expect(parent.clamped(to: run) != parent, "\(node.shards) in \(run) of \(shards)")
        }
      }
    }
  }

  @Test("a worker needs at most 2·log₂(shards) + 1 buffers")
  func slots() {
    Self.forEachProgram { program, runs, shards in
      var log = 0
      while 1 << log < shards { log += 1 }
      #expect(program.slotsPerWorker <= 2 * log + 1, "\(runs)")
    }
    for shards in [1000, 4096, 65_535] {
      for workers in [3, 17, 96, 255] {
        let program = ReductionProgram(shardCount: shards, runs: Self.evenRuns(shards, workers))
        var log = 0
        while 1 << log < shards { log += 1 }
        #expect(program.slotsPerWorker <= 2 * log + 1)
        #expect(program.nodes.count == program.steps.count + 1)
      }
    }
  }

  @Test("one worker holds the whole tree as one node; no shards make no program")
  func extremes() {
    for shards in 1...40 {
      let program = ReductionProgram(shardCount: shards, runs: [0..<shards])
      #expect(program.nodes == [.init(shards: 0..<shards, worker: 0, slot: 0)])
      #expect(program.steps.isEmpty)
      #expect(program.slotsPerWorker == 1)
    }
    let none = ReductionProgram(shardCount: 0, runs: [0..<0, 0..<0])
    #expect(none.nodes.isEmpty && none.steps.isEmpty && none.slotsPerWorker == 0)
    // As drawn in the documentation.
    let drawn = ReductionProgram(shardCount: 5, runs: [0..<2, 2..<3, 3..<5])
    #expect(drawn.nodes.map(\.shards) == [0..<2, 2..<3, 3..<4, 4..<5])
    #expect(drawn.steps == [.init(into: 1, from: 2), .init(into: 0, from: 1), .init(into: 0, from: 3)])
  }

  @Test("the tree splits at the largest power of two below the count")
  func split() {
    #expect([2, 3, 4, 5, 8, 9, 16, 17, 40].map(ShardTree.split) == [1, 2, 2, 4, 4, 8, 8, 16, 32])
    #expect(ShardTree.split(Int.max) == 1 << 62)
    #expect(ShardTree.nodes(in: 0..<0, of: 7).isEmpty)
    #expect(ShardTree.nodes(in: 1..<7, of: 7) == [1..<2, 2..<4, 4..<7])
    #expect(ShardTree.nodes(in: 1..<6, of: 7) == [1..<2, 2..<4, 4..<6])
    #expect(ShardTree.nodes(in: 3..<4, of: 7) == [3..<4])
  }
}

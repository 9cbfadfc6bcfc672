/// The all-reduce as one worker sees it: what it does between barriers to make one sum of all partial sums.
///
///     1 inside       each group's workers share the buffer and add the group's partial sums      ┃ (several groups only)
///     2 reduce       all workers share the buffer: add what is left, a block at a time ─► make a result of the block
///     3 distribute   … and bring it to the other groups                                           ┃
///
/// With one group the first phase is empty and the second adds everything. Phases run over blocks of 8 KiB per buffer, so
/// that sums stay in the first-level cache from the first addition to the result. The order of additions is the
/// program's, whatever the groups. Knows neither optimizer nor threads; `Segments` says which worker has which part.
package struct SegmentReduction {
  /// `into[i] = into[i] + from[i]` for `count` floats.
  package typealias Addition =
    @Sendable (
      _ from: UnsafePointer<Float>, _ into: UnsafeMutablePointer<Float>, _ count: Int
    ) -> Void

  private struct Step {
    var from: UnsafeMutablePointer<Float>
    var into: UnsafeMutablePointer<Float>
  }

  private static let blockFloats = 2048

  private let group: Int
  private let inside: [Step]
  private let rest: [Step]
  private let all: [Step]
  private let root: UnsafeMutablePointer<Float>
  private let transport: any Transport
  private let hasCopies: Bool
  private let add: Addition

  /// For a worker of `group`, by the order of `program`.
  ///
  /// - Precondition: every worker has entered its partial sums in `transport`, and the program has a shard.
  package init(_ program: ReductionProgram, group: Int, over transport: any Transport, add: @escaping Addition) {
    let isOneGroup = program.inside.count == 1
    assert(isOneGroup || program.inside.indices.contains(group), "There is no group \(group) in the program.")
    let sums = program.nodes.map { transport.partialSum(worker: $0.worker, slot: $0.slot) }
    func steps(_ steps: [ReductionProgram.Step]) -> [Step] {
      steps.map { Step(from: sums[$0.from], into: sums[$0.into]) }
    }
    self.group = group
    hasCopies = transport.groupCount > 1
    inside = isOneGroup ? [] : steps(program.inside[group])
    rest = steps(isOneGroup ? program.steps : program.across)
    all = steps(program.steps)
    root = sums[0]
    self.transport = transport
    self.add = add
  }

  /// Phase 1: adds the group's partial sums over the worker's part of the buffer.
  package func sumInside(_ part: Range<Int>) {
    forEachBlock(of: part) { add(inside, $0) }
  }

  /// Phase 1 and the first half of phase 2 in one, over the worker's part of the buffer, once all workers have computed it.
  package func sumAll(_ part: Range<Int>) {
    forEachBlock(of: part) { add(all, $0) }
  }

  /// The first half of phase 2 alone, over the worker's part of the buffer, where other ranks have the rest of the sum.
  package func sumAcross(_ part: Range<Int>) {
    forEachBlock(of: part) { add(rest, $0) }
  }

  /// Phase 2 over the worker's `segment`; `finish` gets each block and the total of the block's floats.
  package func reduce(
    _ segment: Range<Int>, finish: (_ block: Range<Int>, _ sum: UnsafeMutablePointer<Float>) -> Void
  ) {
    forEachBlock(of: segment) { block in
      add(rest, block)
      finish(block, root + block.lowerBound)
    }
  }

  /// The totals of the worker's `segment` once more, block by block, after `reduce` and a barrier of all workers.
  package func forEachTotal(
    _ segment: Range<Int>, _ body: (_ block: Range<Int>, _ sum: UnsafeMutablePointer<Float>) -> Void
  ) {
    forEachBlock(of: segment) { body($0, root + $0.lowerBound) }
  }

  /// Phase 3: brings a block of the results in the own group's copy to the other groups.
  package func distribute(_ block: Range<Int>) {
    if hasCopies { transport.distribute(block, of: group) }
  }

  @inline(__always)
  private func forEachBlock(of range: Range<Int>, _ body: (_ block: Range<Int>) -> Void) {
    assert(
      range.lowerBound >= 0 && range.lowerBound % 16 == 0 && range.count % 16 == 0,
      "Floats \(range) are not whole vectors of 16.")
    var first = range.lowerBound
    while first < range.upperBound {
      let end = min(first + Self.blockFloats, range.upperBound)
      body(first..<end)
      first = end
    }
  }

  private func add(_ steps: [Step], _ block: Range<Int>) {
    for step in steps { add(step.from + block.lowerBound, step.into + block.lowerBound, block.count) }
  }
}

import Collectives
import Configuration
import KernelInterface
import Machine

/// The all-reduce and the optimizer over segments of the parameters: what workers do between barriers.
///
///     1 sum       each group's workers share the parameters and add the group's partial sums   ┃ (several groups only)
///     2 update    all workers share the parameters: add what is left, mean, momentum, new weights ─► own replica
///     3 write     … and the new weights ─► the other groups' replicas                           ┃
///
/// With one group the first phase is empty and the second adds everything. Phases run over blocks of 8 KiB per buffer, so
/// that sums stay in the first-level cache from the first addition to the new weight. The order of additions is the
/// program's whatever the groups.
struct SegmentUpdate {
  /// What a worker knows behind its update.
  struct Outcome {
    /// Nanoseconds that the optimizer and writing the weights took of it.
    var optimizerNanoseconds: UInt64 = 0
    /// The first weight that is no finite number now, by its position among all, and whether its gradient is none either.
    var lost: (position: Int, gradientToo: Bool)?
  }

  private static let blockFloats = 2048

  let program: ReductionProgram
  /// `gradients[worker · slots + slot]`.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  let slots: Int
  /// The weights, equal in every replica; one per group.
  let replicas: [UnsafeMutablePointer<Float>]
  let velocity: UnsafeMutablePointer<Float>
  let kernels: KernelTable
  let optimizer: SGDConfiguration

  /// Phase 1: adds `group`'s partial sums over `segment`.
  func sum(_ segment: Range<Int>, group: Int) {
    forEachBlock(of: segment) { add(program.inside[group], $0, $1) }
  }

  /// Phases 2 and 3 for a worker of `group`; `m` is the number of examples in the batch.
  ///
  /// A gradient or momentum that is not finite makes its weight so at once, and a lost weight stays lost: looking at the
  /// new weights, while they are in the cache, finds all three in the step in which they happen.
  func update(_ segment: Range<Int>, group: Int, m: Float, learningRate: Double) -> Outcome {
    let steps = replicas.count == 1 ? program.steps : program.across
    let weights = replicas[group]
    var outcome = Outcome()
    forEachBlock(of: segment) { first, count in
      add(steps, first, count)
      let added = monotonicNanoseconds()
      kernels.sgd(
        SGDArguments(
          sum: buffer(program.nodes[0]) + first, weights: weights + first, velocity: velocity + first, count: count,
          m: m, rate: Float(learningRate), momentum: Float(optimizer.momentum), decay: Float(optimizer.weightDecay),
          nesterov: optimizer.nesterov))
      for other in replicas.indices where other != group {
        (replicas[other] + first).update(from: weights + first, count: count)
      }
      outcome.optimizerNanoseconds += monotonicNanoseconds() - added
      if outcome.lost == nil, !Self.allFinite(weights + first, count) {
        let position = (first..<first + count).first { !weights[$0].isFinite } ?? first
        outcome.lost = (position, !buffer(program.nodes[0])[position].isFinite)
      }
    }
    return outcome
  }

  /// Whether no value has the largest exponent, that of infinities and NaNs: adding one to it reaches the sign's bit.
  private static func allFinite(_ values: UnsafeMutablePointer<Float>, _ count: Int) -> Bool {
    values.withMemoryRebound(to: UInt32.self, capacity: count) { bits in
      var found: UInt32 = 0
      for i in 0..<count { found |= (bits[i] & 0x7FFF_FFFF) &+ 0x0080_0000 }
      return found >> 31 == 0
    }
  }

  /// The part of `count` floats that one of `workers` owns, cut at multiples of 32.
  static func segment(_ worker: Int, of workers: Int, count: Int) -> Range<Int> {
    let blocks = count / 32
    return blocks * worker / workers * 32..<blocks * (worker + 1) / workers * 32
  }

  /// Every worker's segment of `count` floats: as `segment`, but between groups cut at multiples of a page of floats, so
  /// that no page of the velocity belongs to two nodes.
  static func segments(count: Int, groups: [Range<Int>]) -> [Range<Int>] {
    let workers = groups.last?.upperBound ?? 0
    let pageFloats = NodeBuffer.pageBytes / MemoryLayout<Float>.stride
    var starts = (0..<workers).map { segment($0, of: workers, count: count).lowerBound } + [count]
    for group in groups { starts[group.lowerBound] -= starts[group.lowerBound] % pageFloats }
    for worker in (0..<workers).reversed() { starts[worker] = min(starts[worker], starts[worker + 1]) }
    return (0..<workers).map { starts[$0]..<starts[$0 + 1] }
  }

  @inline(__always)
  private func forEachBlock(of segment: Range<Int>, _ body: (_ first: Int, _ count: Int) -> Void) {
    var first = segment.lowerBound
    while first < segment.upperBound {
      let count = min(Self.blockFloats, segment.upperBound - first)
      body(first, count)
      first += count
    }
  }

  private func add(_ steps: [ReductionProgram.Step], _ first: Int, _ count: Int) {
    for step in steps {
      kernels.add(buffer(program.nodes[step.from]) + first, buffer(program.nodes[step.into]) + first, count)
    }
  }

  private func buffer(_ node: ReductionProgram.Node) -> UnsafeMutablePointer<Float> {
    guard let buffer = gradients[node.worker * slots + node.slot] else {
      fatalError("Worker \(node.worker) has no gradient buffer \(node.slot).")
    }
    return buffer
  }
}

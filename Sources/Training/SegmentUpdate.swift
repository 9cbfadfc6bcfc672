import Collectives
import KernelInterface

/// The all-reduce and the optimizer over a segment of the parameters: what a worker does between two barriers.
///
/// Blocks of 8 KiB per buffer, so that partial sums stay in the first-level cache while the program runs over them:
///
///     block ─► program's additions, in their order ─► mean, momentum, new weights ─► all finite? ─► next block
struct SegmentUpdate {
  /// What a worker knows behind its segment.
  struct Outcome {
    /// Nanoseconds that the optimizer took of it.
    var optimizerNanoseconds: UInt64 = 0
    /// The first weight that is no finite number now, by its position among all, and whether its gradient is none either.
    var lost: (position: Int, gradientToo: Bool)?
  }

  private static let blockFloats = 2048

  let program: ReductionProgram
  /// `gradients[worker · slots + slot]`.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  let slots: Int
  let weights: UnsafeMutablePointer<Float>
  let velocity: UnsafeMutablePointer<Float>
  let kernels: KernelTable
  let optimizer: SGDConfiguration

  /// `m` is the number of examples in the batch; `segment` is cut as `segment(_:of:count:)` does.
  ///
  /// A gradient or momentum that is not finite makes its weight so at once, and a lost weight stays lost: looking at the
  /// weights, while they are in the cache, finds all three in the step in which they happen.
  func run(_ segment: Range<Int>, m: Float, learningRate: Double) -> Outcome {
    var outcome = Outcome()
    var first = segment.lowerBound
    while first < segment.upperBound {
      let count = min(Self.blockFloats, segment.upperBound - first)
      for step in program.steps {
        kernels.add(buffer(program.nodes[step.from]) + first, buffer(program.nodes[step.into]) + first, count)
      }
      let added = monotonicNanoseconds()
      kernels.sgd(
        SGDArguments(
          sum: buffer(program.nodes[0]) + first, weights: weights + first, velocity: velocity + first, count: count,
          m: m, rate: Float(learningRate), momentum: Float(optimizer.momentum), decay: Float(optimizer.weightDecay),
          nesterov: optimizer.nesterov))
      outcome.optimizerNanoseconds += monotonicNanoseconds() - added
      if outcome.lost == nil, !Self.allFinite(weights + first, count) {
        let position = (first..<first + count).first { !weights[$0].isFinite } ?? first
        outcome.lost = (position, !buffer(program.nodes[0])[position].isFinite)
      }
      first += count
    }
    return outcome
  }

  /// `count` is a multiple of 32.
  private static func allFinite(_ values: UnsafeMutablePointer<Float>, _ count: Int) -> Bool {
    var products = SIMD32<Float>.zero
    values.withMemoryRebound(to: SIMD32<Float>.self, capacity: count / 32) {
      // Zero times anything finite is zero, times anything else no number.
      for i in 0..<count / 32 { products += $0[i] * 0 }
    }
    return products == .zero
  }

  /// The part of `count` floats that one of `workers` owns, cut at multiples of 32.
  static func segment(_ worker: Int, of workers: Int, count: Int) -> Range<Int> {
    let blocks = count / 32
    return blocks * worker / workers * 32..<blocks * (worker + 1) / workers * 32
  }

  private func buffer(_ node: ReductionProgram.Node) -> UnsafeMutablePointer<Float> {
    guard let buffer = gradients[node.worker * slots + node.slot] else {
      fatalError("Worker \(node.worker) has no gradient buffer \(node.slot).")
    }
    return buffer
  }
}

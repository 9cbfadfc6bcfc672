import Collectives
import KernelInterface

/// The all-reduce and the optimizer over a segment of the parameters: what a worker does between two barriers.
///
/// Blocks of 8 KiB per buffer, so that partial sums stay in the first-level cache while the program runs over them:
///
///     block ─► program's additions, in their order ─► mean, momentum, new weights ─► next block
struct SegmentUpdate {
  private static let blockFloats = 2048

  let program: ReductionProgram
  /// `gradients[worker · slots + slot]`.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  let slots: Int
  let weights: UnsafeMutablePointer<Float>
  let velocity: UnsafeMutablePointer<Float>
  let kernels: KernelTable
  let optimizer: SGDConfiguration

  /// `m` is the number of examples in the batch. Answers the nanoseconds that the optimizer took of it.
  func run(_ segment: Range<Int>, m: Float, learningRate: Double) -> UInt64 {
    var optimizerNanoseconds: UInt64 = 0
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
      optimizerNanoseconds += monotonicNanoseconds() - added
      first += count
    }
    return optimizerNanoseconds
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

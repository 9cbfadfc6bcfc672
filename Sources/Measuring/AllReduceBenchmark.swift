import Collectives
import Configuration
import Diagnostics
import KernelInterface
import Machine
import Network
import Training

/// The result of `bench allreduce`.
package struct AllReduceSummary: Sendable, Hashable {
  package struct Row: Sendable, Hashable {
    package var parameters: Int
    /// Barrier, additions and optimizer, barrier.
    package var microseconds: Double
    /// The fewest bytes that must move: every partial sum read, weights and velocity read and written, replicas written.
    package var bytes: Double
    /// Of a copy of as many bytes by as many threads.
    package var copyMicroseconds: Double

    package var gigabytesPerSecond: Double { bytes / (microseconds * 1e3) }
    /// 1 where the all-reduce is as fast as copying its bytes.
    package var shareOfCopy: Double { copyMicroseconds / microseconds }
  }
  package var workers: Int
  /// Nodes whose memory the workers use.
  package var nodes: Int
  package var kernels: String
  /// Read and written by all workers together, far beyond the caches.
  package var copyGigabytesPerSecond: Double
  /// One barrier of all workers.
  package var barrierNanoseconds: Double
  package var rows: [Row]
}

/// The all-reduce alone, as training does it: one partial sum per worker, first inside nodes, then across them, the
/// optimizer in the same pass, and the nodes' replicas of the weights.
package enum AllReduceBenchmark {
  package static let defaultSizes: [Int] = [10_000, 100_000, 1_000_000, 3_000_000, 10_000_000]
  private static let copyBytes = 64 << 20
  private static let barriers = 20_000

  /// Workers and placement are the configuration's, with as many shards as workers.
  ///
  /// - Parameter sizes: numbers of parameters, each rounded up to a multiple of 32.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, sizes: [Int] = defaultSizes,
    secondsPerSize: Double = 0.4
  ) throws -> AllReduceSummary {
    let placement = try Placement.plan(topology, runtime: configuration.runtime, shardsPerBatch: Int.max >> 1)
    let group = try WorkerGroup(placement: placement)
    let barrier = try barrierNanoseconds(group)
    let copy = try copyNanoseconds(group, bytes: copyBytes * placement.workers.count, seconds: secondsPerSize)
    var rows: [AllReduceSummary.Row] = []
    for size in sizes {
      let parameters = (size + 31) / 32 * 32
      let bytes = 4 * Double(parameters) * Double(placement.workers.count + 4 + placement.groups.count - 1)
      let time = try reduceNanoseconds(
        group, parameters, kernels, configuration.training.optimizer.makeOptimizer(), seconds: secondsPerSize)
      let copied = try copyNanoseconds(group, bytes: Int(bytes), seconds: secondsPerSize)
      rows.append(
        .init(parameters: parameters, microseconds: time * 1e-3, bytes: bytes, copyMicroseconds: copied * 1e-3))
    }
    return AllReduceSummary(
      workers: placement.workers.count, nodes: placement.groups.count, kernels: kernels.name,
      copyGigabytesPerSecond: Double(copyBytes * placement.workers.count) / copy, barrierNanoseconds: barrier,
      rows: rows)
  }

  /// Nanoseconds of one barrier of the whole group.
  static func barrierNanoseconds(_ group: WorkerGroup) throws -> Double {
    let times = TimesBox()
    try group.run { context in
      for _ in 0..<100 { try context.barrier.wait() }
      let start = monotonicNanoseconds()
      for _ in 0..<barriers { try context.barrier.wait() }
      let passed = max(1, clockSpan(start, monotonicNanoseconds()))
      if context.index == 0 { times.values = [Double(passed) / Double(barriers)] }
    }
    return median(times.values)
  }

  /// Nanoseconds in which all workers, each in its own memory, read and write `bytes` bytes in all.
  static func copyNanoseconds(_ group: WorkerGroup, bytes: Int, seconds: Double) throws -> Double {
    let floats = max(1, bytes / (8 * group.workerCount))
    return try timed(group, seconds: seconds) { context in
      let memory = try NodeBuffer(byteCount: 8 * floats, node: context.memoryNode)
      let source = memory.pointer.bindMemory(to: Float.self, capacity: 2 * floats)
      source.update(repeating: 1, count: 2 * floats)
      return Owned(memory: memory) { (source + floats).update(from: source, count: floats) }
    }
  }

  private static func reduceNanoseconds(
    _ group: WorkerGroup, _ parameters: Int, _ kernels: KernelTable, _ optimizer: any Optimizer, seconds: Double
  ) throws -> Double {
    let workers = group.workerCount
    let groups = group.placement.groups
    let program = ReductionProgram(
      shardCount: workers, runs: (0..<workers).map { $0..<$0 + 1 }, groups: groups.map(\.workers))
    let segments = Segments.all(count: parameters, groups: groups.map(\.workers))
    let shared = try SharedBuffers(group.placement, parameters: parameters, slots: optimizer.slots.count)
    return try timed(group, seconds: seconds) { context in
      // Zeros, so that sums stay finite however often they are added up.
      let memory = try NodeBuffer(byteCount: 4 * parameters, node: context.memoryNode)
      let gradient = memory.pointer.bindMemory(to: Float.self, capacity: parameters)
      gradient.update(repeating: 0, count: parameters)
      shared.transport.enter(gradient, worker: context.index, slot: 0)
      let segment = segments[context.index]
      let part = Segments.segment(context.member, of: context.members.count, count: parameters)
      let weights = shared.replicas[context.group]
      for slot in 0..<shared.slots {
        (shared.state + slot * shared.stride + segment.lowerBound).update(repeating: 0, count: segment.count)
      }
      (weights + part.lowerBound).update(repeating: 0, count: part.count)
      try context.barrier.wait()
      let reduction = SegmentReduction(program, group: context.group, over: shared.transport, add: kernels.add)
      let step = OptimizerStep(number: 1, divisor: 1, learningRate: 0.1)
      return Owned(memory: memory) {
        if groups.count > 1 {
          reduction.sumInside(part)
          try context.barrier.wait()
        }
        reduction.reduce(segment) { block, sum in
          optimizer.update(
            OptimizerBlock(
              sum: sum, weights: weights + block.lowerBound, state: shared.state + block.lowerBound,
              slotStride: shared.stride, count: block.count), at: step, kernels)
          reduction.distribute(block)
        }
      }
    }
  }

  /// Median time of one round of all workers between two barriers; `prepare` runs once in each worker.
  private static func timed(
    _ group: WorkerGroup, seconds: Double, prepare: @escaping @Sendable (WorkerContext) throws -> Owned
  ) throws -> Double {
    let times = TimesBox()
    let stop = StopFlag()
    try group.run { context in
      let owned = try prepare(context)
      var watch = Stopwatch()
      var round = 0
      while true {
        try context.barrier.wait()
        // Written by worker 0 before the last barrier of the round before.
        if stop.isRequested { break }
        let start = monotonicNanoseconds()
        try owned.body()
        try context.barrier.wait()
        let end = monotonicNanoseconds()
        round += 1
        guard context.index == 0 else { continue }
        if round > 2 { times.values.append(Double(max(1, clockSpan(start, end)))) }
        if round >= 12, Double(watch.look(now: end)) >= seconds * 1e9 || round >= 20_000 { stop.request() }
      }
    }
    return median(times.values)
  }

  /// A worker's memory together with what it does to it.
  private struct Owned: ~Copyable {
    let memory: NodeBuffer
    let body: () throws -> Void
  }

  /// `@unchecked Sendable`: written by worker 0 alone, read after all have finished.
  private final class TimesBox: @unchecked Sendable { var values: [Double] = [] }

  /// `@unchecked Sendable`: segments have one writer.
  private final class SharedBuffers: @unchecked Sendable {
    let transport: SharedMemory
    /// One per memory group, first touched by its members.
    let replicas: [UnsafeMutablePointer<Float>]
    /// The optimizer's slots, `stride` floats apart.
    let state: UnsafeMutablePointer<Float>
    let slots: Int
    let stride: Int
    private let memory: NodeBuffer

    init(_ placement: Placement, parameters: Int, slots: Int) throws(UserError) {
      let groups = placement.groups.count
      self.slots = slots
      stride = roundUp(parameters, to: NodeBuffer.pageBytes / MemoryLayout<Float>.stride)
      memory = try NodeBuffer(byteCount: (groups + slots) * stride * MemoryLayout<Float>.stride, hugePages: groups == 1)
      let floats = memory.pointer.bindMemory(to: Float.self, capacity: (groups + slots) * stride)
      state = floats
      replicas = (0..<groups).map { [stride] in floats + ($0 + slots) * stride }
      transport = SharedMemory(workers: placement.workers.count, slots: 1, results: replicas)
    }
  }
}

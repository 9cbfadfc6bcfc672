import Collectives
import Configuration
import Datasets
import Machine
import Network
import Training

extension ScalingModel {
  /// Numbers of shards to measure on one core: those of the busiest and the least busy worker of each load, and 1.
  static func shardCounts(_ loads: [(workers: Int, shards: Int)]) -> [Int] {
    Set([1] + loads.flatMap { [$0.shards / $0.workers, ($0.shards + $0.workers - 1) / $0.workers] })
      .filter { $0 > 0 }.sorted()
  }

  /// Takes the costs from trials of one worker `alone`, by number of shards, measured in the same rounds as the curves;
  /// predicts `target`, and checks the model against the curves.
  ///
  /// The contention factor comes from the weak curve's ends, all else from one worker alone, the barrier and a copy; so
  /// every check of more than one worker is a prediction, except for that factor.
  static func predict(
    _ target: TargetTopology, configuration: RunConfiguration, topology: Topology, measured: ScalingSummary,
    alone: [Int: TrainingTrial]
  ) throws -> ScalingPrediction {
    let shardSize = configuration.runtime.shardSize
    var costs = ScalingCosts()
    costs.compute = alone.mapValues { median($0.breakdowns.map(\.compute)) }
    costs.jitter = median(alone.values.map { relativeDeviation($0.computeNanoseconds.compactMap(\.first)) })
    costs.segments = segments(alone.values.map(\.segmentNanoseconds))
    costs.prepare = alone.values.map { median($0.prepareNanoseconds) }.min() ?? 0
    costs.optimizer = max(0, (alone.values.map { median($0.breakdowns.map(\.update)) }.min() ?? 0) - costs.prepare)
    if let first = measured.weak.first, let last = measured.weak.last, first.workers == 1, last.workers > 1 {
      costs.contention = max(1, last.breakdown.compute / first.breakdown.compute)
      costs.measuresContention = true
    }

    // Barrier and copy.
    let workers = measured.weak.last?.workers ?? 1
    costs.measuredWorkers = workers
    var runtime = configuration.runtime
    runtime.workers = .count(workers)
    let group = try WorkerGroup(placement: try Placement.plan(topology, runtime: runtime, shardsPerBatch: workers))
    costs.barrierArrival = try AllReduceBenchmark.barrierNanoseconds(group) / Double(workers)
    runtime.workers = .count(1)
    let single = try WorkerGroup(placement: try Placement.plan(topology, runtime: runtime, shardsPerBatch: 1))
    let bytes = 128 << 20
    costs.coreBytesPerNanosecond =
      Double(bytes) / (try AllReduceBenchmark.copyNanoseconds(single, bytes: bytes, seconds: 0.3))
    costs.copyBytesPerNanosecond =
      Double(bytes * workers) / (try AllReduceBenchmark.copyNanoseconds(group, bytes: bytes * workers, seconds: 0.3))
    let network = try NetworkPlan(configuration.model, capacity: ImageCapacity(shard: 1))
    costs.parameterBytes = 4 * Double(network.parameters.packedCount)
    costs.preparedBytes = 4 * Double(network.preparedCount)
    costs.sumBytes = Double(network.schedule.sharedSumsPerShard * MemoryLayout<Double>.stride)
    costs.sumNanoseconds = try sumNanoseconds(network, shards: 64, single)
    let shard = try NetworkPlan(configuration.model, capacity: ImageCapacity(shard: shardSize))
    let ownCaches = topology.caches.filter { $0.level <= 2 }.map(\.bytes).max() ?? 0
    costs.cacheBytes = Double(ownCaches) + costs.sharedCacheBytes
    if Workspace.byteCount(shard) > ownCaches {
      for shards in costs.compute.keys {
        costs.shardBytes[shards] = movedBytes(network, shards, of: shardSize, cacheBytes: Int(costs.cacheBytes))
      }
    }

    // This machine as one node, whose bandwidth is known.
    var local = costs
    local.nodeBytesPerNanosecond = costs.copyBytesPerNanosecond
    let here = ScalingModel(costs: local, target: TargetTopology(nodes: 1, coresPerNode: workers), design: .threePhase)
    let curves = [("strong", measured.strong), ("weak", measured.weak)]
    let checks = curves.flatMap { kind, points in
      points.filter { $0.workers <= workers }.map { point in
        let shards = ShardPlan.shardCount(batchSize: point.batchSize, shardSize: shardSize)
        let step = here.step(workers: point.workers, shards: shards)
        return ScalingPrediction.Check(
          kind: kind, workers: point.workers, batchSize: point.batchSize, measured: point.medianImagesPerSecond,
          predicted: Double(point.batchSize) / (step.total * 1e-9))
      }
    }
    return ScalingPrediction(
      target: target, costs: costs, points: points(costs, target, shardSize: shardSize), checks: checks)
  }

  /// From each load's steps, cut into segments: means over loads of each segment's share of compute and of its jitter.
  static func segments(_ loads: [[[Double]]]) -> [ScalingSegment] {
    guard let count = loads.first?.first?.count, count > 1 else { return [] }
    let medians = loads.map { steps in (0..<count).map { segment in median(steps.map { $0[segment] }) } }
    return (0..<count).map { segment in
      var result = ScalingSegment(share: 0, jitter: 0)
      for (steps, median) in zip(loads, medians) {
        result.share += median[segment] / median.reduce(0, +) / Double(loads.count)
        result.jitter += relativeDeviation(steps.map { $0[segment] }) / Double(loads.count)
      }
      return result
    }
  }

  /// What forward and backward over so many shards fetch and write back: weights, and of a net with meetings the maps that its
  /// caches do not keep from one segment to the next; of others, whose blocks pass all layers, what layers with weights read and write.
  private static func movedBytes(_ network: NetworkPlan, _ shards: Int, of size: Int, cacheBytes: Int) -> Double {
    let meets = network.schedule.hasMeetings
    let bytes = network.workloads.filter { $0.weightBytes > 0 }.reduce(0) { sum, layer in
      layer.passes.reduce(sum) { $0 + layer.weightBytes + (meets ? 0 : layer.bytesPerImage($1) * Double(size)) }
    }
    return Double(shards) * bytes + Double(network.segmentBytes(images: shards * size, cacheBytes: cacheBytes))
  }

  /// How long a worker adds one shard's sums of all meetings, where there are `shards` of them; 0 without meetings.
  private static func sumNanoseconds(_ network: NetworkPlan, shards: Int, _ group: WorkerGroup) throws -> Double {
    guard network.schedule.hasMeetings else { return 0 }
    let times = ResultBox<[Double]>()
    try group.run { _ in
      let memory = try NodeBuffer(byteCount: Workspace.byteCount(network))
      let count = shards * network.schedule.sumsPerShard
      let numbers = try NodeBuffer(byteCount: count * MemoryLayout<Double>.stride)
      let sums = numbers.pointer.bindMemory(to: Double.self, capacity: count)
      sums.update(repeating: 1, count: count)
      let workspace = Workspace(network, memory: memory.pointer)
      times.value = (0..<32).map { _ in
        let start = threadNanoseconds()
        network.addSums(sums, of: shards, workspace)
        return Double(clockSpan(start, threadNanoseconds())) / Double(shards)
      }
    }
    return median(times.value ?? [])
  }

  /// Standard deviation over mean, from the median absolute deviation, so that a single interruption does not count.
  static func relativeDeviation(_ values: [Double]) -> Double {
    let middle = median(values)
    guard middle > 0 else { return 0 }
    return 1.4826 * median(values.map { abs($0 - middle) }) / middle
  }
}

import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Training

/// Throughput over worker counts, with where each step's time went.
package enum ScalingBenchmark {
  /// Alternating rounds over all worker counts, so that a slow minute of the machine affects all of them.
  package static let rounds: Int = 3

  /// - Parameters:
  ///   - counts: the worker counts; `nil` means those of `defaultCounts` that a batch has shards for.
  ///   - secondsPerTrial: about how long each count is measured per round.
  ///   - progress: called with a sentence before each trial.
  /// - Throws: `UserError` if the machine or the configuration does not allow it.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, counts: [Int]?,
    predict target: TargetTopology? = nil, secondsPerTrial: Double = 1, progress: (String) -> Void = { _ in }
  ) throws -> ScalingSummary {
    let load = systemLoad()
    let all = try defaultCounts(topology, configuration.runtime)
    let weakCounts = Set(counts ?? all).sorted()
    let batch = configuration.training.batchSize
    let shardSize = configuration.runtime.shardSize
    let shards = max(1, ShardPlan.shardCount(batchSize: batch, shardSize: shardSize))
    let strongCounts = counts == nil ? Set(weakCounts.map { min($0, shards) }).sorted() : weakCounts
    let perWorker = weakBatchPerWorker(batch: batch, shardSize: shardSize, workers: weakCounts.last ?? 1)

    func trial(_ workers: Int, batch: Int) throws -> TrainingTrial {
      var one = configuration
      one.runtime.workers = .count(workers)
      one.training.batchSize = batch
      return try TrainingTrial.run(
        configuration: one, topology: topology, kernels: kernels, seconds: secondsPerTrial, minimumSteps: 3)
    }
    var strong = [TrainingTrial](repeating: TrainingTrial(), count: strongCounts.count)
    var weak = [TrainingTrial](repeating: TrainingTrial(), count: weakCounts.count)
    let loads =
      strongCounts.map { (workers: $0, shards: shards) }
      + weakCounts.map { (workers: $0, shards: $0 * perWorker / shardSize) }
    let aloneShards = target == nil ? [] : ScalingModel.shardCounts(loads)
    var alone: [Int: TrainingTrial] = [:]
    for round in 1...rounds {
      for (i, workers) in strongCounts.enumerated() {
        progress("round \(round) of \(rounds): \(workers) workers, batch \(batch)")
        try strong[i].append(trial(workers, batch: batch))
      }
      for (i, workers) in weakCounts.enumerated() {
        progress("round \(round) of \(rounds): \(workers) workers, batch \(workers * perWorker)")
        try weak[i].append(trial(workers, batch: workers * perWorker))
      }
      for shards in aloneShards {
        progress("round \(round) of \(rounds): 1 worker, \(shards) shards, for the model")
        try alone[shards, default: TrainingTrial()].append(trial(1, batch: shards * shardSize))
      }
    }
    var summary = ScalingSummary(
      name: configuration.name, kernels: strong.first?.kernels ?? "", shardSize: shardSize,
      strong: ScalingCurve.rated(zip(strongCounts, strong).map { point($0, $1) }),
      weak: ScalingCurve.rated(zip(weakCounts, weak).map { point($0, $1) }), notes: [])
    summary.notes = notes(summary, trials: strong, shards: shards, wanted: weakCounts)
    if load >= 0.5 {
      summary.notes.append(
        "the system's load was \((load * 10).rounded() / 10) before the start: other programs took CPU time from this")
    }
    if let target {
      summary.prediction = try ScalingModel.predict(
        target, configuration: configuration, topology: topology, measured: summary, alone: alone)
    }
    return summary
  }

  /// 1, 2, 4 … and the cores of whole nodes, up to one worker per usable core.
  package static func defaultCounts(_ topology: Topology, _ runtime: RuntimeConfiguration) throws(UserError) -> [Int] {
    var automatic = runtime
    automatic.workers = .auto
    let workers = try Placement.plan(topology, runtime: automatic, shardsPerBatch: Int.max >> 1).workers
    var counts: Set<Int> = [workers.count]
    var count = 1
    while count < workers.count {
      counts.insert(count)
      count *= 2
    }
    for i in workers.indices.dropFirst() where workers[i].node != workers[i - 1].node { counts.insert(i) }
    return counts.sorted()
  }

  /// Whole shards, so that the largest worker count has about the configured batch.
  package static func weakBatchPerWorker(batch: Int, shardSize: Int, workers: Int) -> Int {
    max(1, (batch + workers * shardSize - 1) / (workers * shardSize)) * shardSize
  }

  private static func point(_ workers: Int, _ trial: TrainingTrial) -> ScalingPoint {
    ScalingPoint(
      workers: workers, batchSize: trial.batchSize, medianImagesPerSecond: trial.medianImagesPerSecond,
      bestImagesPerSecond: trial.bestImagesPerSecond, range: trial.imagesPerSecondRange,
      breakdown: StepBreakdown.medians(trial.breakdowns))
  }

  private static func notes(
    _ summary: ScalingSummary, trials: [TrainingTrial], shards: Int, wanted: [Int]
  ) -> [String] {
    var notes = ScalingCurve.warnings(summary.strong) + ScalingCurve.warnings(summary.weak).map { "weak: \($0)" }
    if let last = wanted.last, last > summary.strong.last?.workers ?? 0 {
      notes.append(
        "the batch has \(shards) shards, so strong scaling ends there; a larger training.batch_size feeds more workers")
    }
    for note in trials.flatMap(\.placement.notes) where !notes.contains(note) { notes.append(note) }
    return notes
  }
}

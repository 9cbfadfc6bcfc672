import Collectives
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
  ///   - counts: the worker counts, of each rank; `nil` means those of `defaultCounts` that a batch has shards for.
  ///   - most: the most workers that such a default may be: of the rank with the fewest cores.
  ///   - secondsPerTrial: about how long each count is measured per round.
  ///   - job: of which this process is a rank, if it is one of several; all of them run this.
  ///   - progress: called with a sentence before each trial.
  /// - Throws: `UserError` if the machine or the configuration does not allow it.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, counts: [Int]?, most: Int = .max,
    predict target: TargetTopology? = nil, secondsPerTrial: Double = 1, job: Job? = nil,
    progress: (String) -> Void = { _ in }
  ) throws -> ScalingSummary {
    precondition(job == nil || target == nil, "The model is of one process.")
    let ranks = job?.count ?? 1
    let load = systemLoad()
    let all = try defaultCounts(topology, configuration.runtime).filter { $0 <= most }
    let weakCounts = Set(counts ?? all).sorted()
    let batch = configuration.training.batchSize
    let shardSize = configuration.runtime.shardSize
    let shards = max(1, ShardPlan.shardCount(batchSize: batch, shardSize: shardSize))
    let strongCounts = counts == nil ? Set(weakCounts.map { min($0, max(1, shards / ranks)) }).sorted() : weakCounts
    let perWorker = weakBatchPerWorker(batch: batch, shardSize: shardSize, workers: (weakCounts.last ?? 1) * ranks)

    func trial(_ workers: Int, batch: Int) throws -> TrainingTrial {
      var one = configuration
      one.runtime.workers = .count(workers)
      one.training.batchSize = batch
      return try TrainingTrial.run(
        configuration: one, topology: topology, kernels: kernels, seconds: secondsPerTrial, minimumSteps: 3, job: job)
    }
    let ofRanks = ranks > 1 ? "\(ranks) ranks of " : ""
    var strong = [TrainingTrial](repeating: TrainingTrial(), count: strongCounts.count)
    var weak = [TrainingTrial](repeating: TrainingTrial(), count: weakCounts.count)
    let loads =
      strongCounts.map { (workers: $0, shards: shards) }
      + weakCounts.map { (workers: $0, shards: $0 * perWorker / shardSize) }
    let aloneShards = target == nil ? [] : ScalingModel.shardCounts(loads)
    var alone: [Int: TrainingTrial] = [:]
    for round in 1...rounds {
      for (i, workers) in strongCounts.enumerated() {
        progress("round \(round) of \(rounds): \(ofRanks)\(workers) worker\(workers == 1 ? "" : "s"), batch \(batch)")
        try strong[i].append(trial(workers, batch: batch))
      }
      for (i, workers) in weakCounts.enumerated() {
        let batch = workers * ranks * perWorker
        progress("round \(round) of \(rounds): \(ofRanks)\(workers) worker\(workers == 1 ? "" : "s"), batch \(batch)")
        try weak[i].append(trial(workers, batch: batch))
      }
      for shards in aloneShards {
        progress("round \(round) of \(rounds): 1 worker, \(shards) shards, for the model")
        try alone[shards, default: TrainingTrial()].append(trial(1, batch: shards * shardSize))
      }
    }
    var summary = ScalingSummary(
      name: configuration.name, kernels: strong.first?.kernels ?? "", shardSize: shardSize,
      strong: ScalingCurve.rated(strong.map(point)), weak: ScalingCurve.rated(weak.map(point)), notes: [])
    summary.ranks = ranks
    summary.notes = notes(summary, trials: strong, shards: shards, wanted: weakCounts.map { $0 * ranks })
    if load >= 0.5 {
      summary.notes.append(
        "the system's load was \((load * 10).rounded() / 10) before the start: other programs took CPU time")
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

  private static func point(_ trial: TrainingTrial) -> ScalingPoint {
    ScalingPoint(
      workers: trial.workers, batchSize: trial.batchSize, medianImagesPerSecond: trial.medianImagesPerSecond,
      bestImagesPerSecond: trial.bestImagesPerSecond, range: trial.imagesPerSecondRange,
      breakdown: StepBreakdown.medians(trial.breakdowns), exchanged: trial.exchanged)
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

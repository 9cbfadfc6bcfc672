import Diagnostics
import Machine

/// One setting that `tune` tried.
package struct TuningTrial: Sendable, Hashable {
  package var runtime: RuntimeConfiguration
  package var workers: Int
  package var imagesPerSecond: Double
}

/// The result of `tune`.
package struct TuningSummary: Sendable, Hashable {
  /// In the order they were tried; a setting measured again has its last, most careful number.
  package var trials: [TuningTrial]
  package var best: TuningTrial
}

/// Searches the settings that change speed alone: workers, placement policy, SMT siblings. Never `shard_size`.
///
///     worker counts ─► best count ─► other policies and SMT at it ─► the best three again, in turn ─► choice
package enum Tuner {
  /// A faster setting must win by more than this to displace a plainer one tried before it.
  package static let noise: Double = 0.01
  private static let finalists: Int = 3
  private static let finalRounds: Int = 3

  package static func run(
    configuration: RunConfiguration, topology: Topology, secondsPerTrial: Double = 1,
    progress: (TuningTrial) -> Void = { _ in }
  ) throws -> TuningSummary {
    var measured: [(runtime: RuntimeConfiguration, trial: TrainingTrial)] = []
    func measure(_ runtime: RuntimeConfiguration) throws {
      let placement = try Placement.plan(topology, runtime: runtime, shardsPerBatch: Int.max >> 1)
      guard !measured.contains(where: { $0.trial.placement.workers == placement.workers }) else { return }
      measured.append((runtime, try trial(configuration, topology, runtime, secondsPerTrial)))
      progress(tuned(measured[measured.count - 1]))
    }

    for runtime in try counts(configuration, topology) { try measure(runtime) }
    let bestCount = choice(measured.map(tuned)).runtime
    for runtime in variants(of: bestCount, topology) { try measure(runtime) }

    let ranked = measured.indices.sorted {
      measured[$0].trial.medianImagesPerSecond > measured[$1].trial.medianImagesPerSecond
    }
    let last = ranked.prefix(finalists).sorted()
    if last.count > 1 {
      for _ in 0..<finalRounds {
        for i in last {
          measured[i].trial.append(try trial(configuration, topology, measured[i].runtime, secondsPerTrial))
        }
      }
      for i in last { progress(tuned(measured[i])) }
    }
    return TuningSummary(trials: measured.map(tuned), best: choice(last.map { tuned(measured[$0]) }))
  }

  /// The first of those no more than `noise` below the fastest.
  ///
  /// - Precondition: `trials` is not empty.
  package static func choice(_ trials: [TuningTrial]) -> TuningTrial {
    precondition(!trials.isEmpty, "There is nothing to choose from.")
    let fastest = trials.map(\.imagesPerSecond).max() ?? 0
    return trials.first { $0.imagesPerSecond >= fastest * (1 - noise) } ?? trials[0]
  }

  /// The configured placement with every worthwhile worker count: at most one per shard.
  static func counts(_ configuration: RunConfiguration, _ topology: Topology) throws -> [RuntimeConfiguration] {
    let shardSize = configuration.runtime.shardSize
    let shards = max(1, (configuration.training.batchSize + shardSize - 1) / shardSize)
    let all = try ScalingBenchmark.defaultCounts(topology, configuration.runtime)
    return Set(all.map { min($0, shards) }).sorted().map { count in
      var runtime = configuration.runtime
      runtime.workers = .count(count)
      return runtime
    }
  }

  /// Other policies for the same workers, and a worker on every SMT sibling; explicit CPUs stay as they are.
  static func variants(of runtime: RuntimeConfiguration, _ topology: Topology) -> [RuntimeConfiguration] {
    if case .cpus = runtime.policy { return [] }
    var variants: [RuntimeConfiguration] = [.close, .scatter, .none].filter { $0 != runtime.policy }.map { policy in
      var other = runtime
      other.policy = policy
      return other
    }
    let siblings = topology.usableCores.map { $0.cpus.intersection(topology.usable.cpus).count }.max() ?? 1
    if siblings > 1, !runtime.useSMT, case .count(let count) = runtime.workers {
      var twice = runtime
      twice.useSMT = true
      twice.workers = .count(min(count * siblings, topology.usable.cpus.count))
      variants.append(twice)
    }
    return variants
  }

  private static func trial(
    _ configuration: RunConfiguration, _ topology: Topology, _ runtime: RuntimeConfiguration, _ seconds: Double
  ) throws -> TrainingTrial {
    var run = configuration
    run.runtime = runtime
    return try TrainingTrial.run(configuration: run, topology: topology, seconds: seconds)
  }

  private static func tuned(_ entry: (runtime: RuntimeConfiguration, trial: TrainingTrial)) -> TuningTrial {
    TuningTrial(
      runtime: entry.runtime, workers: entry.trial.placement.workers.count,
      imagesPerSecond: entry.trial.medianImagesPerSecond)
  }
}

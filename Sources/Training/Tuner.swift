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
  /// In the order they were tried; a setting measured again has the median of all its steps.
  package var trials: [TuningTrial]
  package var best: TuningTrial
}

/// Searches the settings that change speed alone: workers, placement policy, SMT siblings. Never `shard_size`.
///
///     worker counts ─► policies ─► SMT ─► counts around the best ─► the best three again, in turn ─► choice
///
/// Each stage starts from the best so far. An exhaustive search tries every count with everything else instead.
package struct Tuner {
  /// A faster setting must win by more than this to displace a plainer one tried before it.
  package static let noise: Double = 0.01
  private static let finalists: Int = 3
  private static let finalRounds: Int = 3

  let configuration: RunConfiguration
  let topology: Topology
  /// Answers images/s of single steps under a setting.
  let measure: (RuntimeConfiguration) throws -> [Double]
  let progress: (TuningTrial) -> Void
  /// Settings that put every worker in the same place are one.
  private var tried: [(placement: Placement, runtime: RuntimeConfiguration, rates: [Double])] = []

  init(
    configuration: RunConfiguration, topology: Topology, progress: @escaping (TuningTrial) -> Void = { _ in },
    measure: @escaping (RuntimeConfiguration) throws -> [Double]
  ) {
    self.configuration = configuration
    self.topology = topology
    self.progress = progress
    self.measure = measure
  }

  /// Measures real training steps, about `secondsPerTrial` for each setting and round.
  package static func run(
    configuration: RunConfiguration, topology: Topology, exhaustive: Bool = false, secondsPerTrial: Double = 1,
    progress: (TuningTrial) -> Void = { _ in }
  ) throws -> TuningSummary {
    try withoutActuallyEscaping(progress) { progress in
      var tuner = Tuner(configuration: configuration, topology: topology, progress: progress) { runtime in
        var run = configuration
        run.runtime = runtime
        let trial = try TrainingTrial.run(configuration: run, topology: topology, seconds: secondsPerTrial)
        return trial.stepNanoseconds.map { Double(trial.batchSize) / ($0 * 1e-9) }
      }
      return try tuner.search(exhaustive: exhaustive)
    }
  }

  mutating func search(exhaustive: Bool) throws -> TuningSummary {
    if exhaustive {
      for count in try usefulCounts() {
        var variants = [configured(workers: count)]
        for change in changes { variants += variants.flatMap(change) }
        for variant in variants { try attempt(variant) }
      }
    } else {
      for count in try firstCounts() { try attempt(configured(workers: count)) }
      for change in changes {
        for variant in change(best.runtime) { try attempt(variant) }
      }
      for variant in try neighbours(of: best) { try attempt(variant) }
    }
    return try final()
  }

  // MARK: What to try

  /// 1, 2, 4 … and what whole nodes hold, at most one worker per shard.
  func firstCounts() throws -> [Int] {
    let all = try ScalingBenchmark.defaultCounts(topology, configuration.runtime)
    return Set(all.map { min($0, shards) }).sorted()
  }

  /// The least workers for every number of shards that the busiest may get: others are idle for nothing.
  func usefulCounts() throws -> [Int] {
    let most = try firstCounts().last ?? 1
    return Set((1...shards).map { (shards + $0 - 1) / $0 }.filter { $0 <= most } + [most]).sorted()
  }

  /// What else may change, one kind of change after the other; explicit CPUs stay as they are.
  var changes: [(RuntimeConfiguration) -> [RuntimeConfiguration]] { [otherPolicies, onSiblings] }

  private func otherPolicies(than runtime: RuntimeConfiguration) -> [RuntimeConfiguration] {
    if case .cpus = runtime.policy { return [] }
    return [.close, .scatter, .none].filter { $0 != runtime.policy }.map { policy in
      var other = runtime
      other.policy = policy
      return other
    }
  }

  /// As many more workers as cores have SMT siblings, at most one per shard.
  private func onSiblings(_ runtime: RuntimeConfiguration) -> [RuntimeConfiguration] {
    if case .cpus = runtime.policy { return [] }
    let siblings = topology.usableCores.map { $0.cpus.intersection(topology.usable.cpus).count }.max() ?? 1
    guard siblings > 1, !runtime.useSMT, case .count(let count) = runtime.workers else { return [] }
    var more = runtime
    more.useSMT = true
    more.workers = .count(min(count * siblings, topology.usable.cpus.count, max(shards, count)))
    return [more]
  }

  /// The useful counts halfway to the next ones tried, below and above.
  private func neighbours(of trial: TuningTrial) throws -> [RuntimeConfiguration] {
    let counts = tried.map(\.placement.workers.count)
    let below = counts.filter { $0 < trial.workers }.max() ?? trial.workers
    let above = counts.filter { $0 > trial.workers }.min() ?? trial.workers
    let useful = try usefulCounts()
    return [(below, trial.workers), (trial.workers, above)].compactMap { low, high in
      let between = useful.filter { low < $0 && $0 < high }
      return between.isEmpty ? nil : between[between.count / 2]
    }.map { count in
      var runtime = trial.runtime
      runtime.workers = .count(count)
      return runtime
    }
  }

  private var shards: Int {
    let shardSize = configuration.runtime.shardSize
    return max(1, (configuration.training.batchSize + shardSize - 1) / shardSize)
  }

  private func configured(workers: Int) -> RuntimeConfiguration {
    var runtime = configuration.runtime
    runtime.workers = .count(workers)
    return runtime
  }

  // MARK: Trying

  private mutating func attempt(_ runtime: RuntimeConfiguration) throws {
    let placement = try Placement.plan(topology, runtime: runtime, shardsPerBatch: Int.max >> 1)
    guard !tried.contains(where: { $0.placement.workers == placement.workers }) else { return }
    tried.append((placement, runtime, try measure(runtime)))
    progress(trial(tried.count - 1))
  }

  /// Measures the fastest again, in turn.
  private mutating func final() throws -> TuningSummary {
    let ranked = tried.indices.sorted { trial($0).imagesPerSecond > trial($1).imagesPerSecond }
    let last = ranked.prefix(Self.finalists).sorted()
    if last.count > 1 {
      for _ in 0..<Self.finalRounds {
        for i in last { tried[i].rates += try measure(tried[i].runtime) }
      }
      for i in last { progress(trial(i)) }
    }
    return TuningSummary(trials: tried.indices.map(trial), best: Self.choice(last.map(trial)))
  }

  private func trial(_ index: Int) -> TuningTrial {
    TuningTrial(
      runtime: tried[index].runtime, workers: tried[index].placement.workers.count,
      imagesPerSecond: median(tried[index].rates))
  }

  private var best: TuningTrial { Self.choice(tried.indices.map(trial)) }

  /// The first of those no more than `noise` below the fastest.
  ///
  /// - Precondition: `trials` is not empty.
  package static func choice(_ trials: [TuningTrial]) -> TuningTrial {
    precondition(!trials.isEmpty, "There is nothing to choose from.")
    let fastest = trials.map(\.imagesPerSecond).max() ?? 0
    return trials.first { $0.imagesPerSecond >= fastest * (1 - noise) } ?? trials[0]
  }
}

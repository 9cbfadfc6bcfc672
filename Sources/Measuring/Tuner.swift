import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Training

/// One setting that `tune` tried.
package struct TuningTrial: Sendable, Hashable {
  package var runtime: RuntimeConfiguration
  package var workers: Int
  /// The median of all steps.
  package var imagesPerSecond: Double
  /// The middle half of the rounds' medians.
  package var range: ClosedRange<Double>

  package init(
    runtime: RuntimeConfiguration, workers: Int, imagesPerSecond: Double, range: ClosedRange<Double>? = nil
  ) {
    self.runtime = runtime
    self.workers = workers
    self.imagesPerSecond = imagesPerSecond
    self.range = range ?? imagesPerSecond...imagesPerSecond
  }
}

/// The result of `tune`.
package struct TuningSummary: Sendable, Hashable {
  /// In the order they were tried; a setting measured again has its last number.
  package var trials: [TuningTrial]
  package var best: TuningTrial
  /// Why another setting may be the best; empty where none is likely to be.
  package var doubts: [String]

  package init(trials: [TuningTrial], best: TuningTrial, doubts: [String] = []) {
    self.trials = trials
    self.best = best
    self.doubts = doubts
  }

  package var isUncertain: Bool { !doubts.isEmpty }

  /// - Throws: `UserError(.systemRefused)` where the best setting is uncertain.
  package func requireCertain() throws(UserError) {
    guard isUncertain else { return }
    throw UserError(
      .systemRefused, "--write",
      "nothing is written, as the best setting is uncertain: "
        + doubts.joined(separator: "; "), hint: "run it again on a quiet machine, or add --force")
  }
}

/// Searches the settings that change speed alone: workers, placement policy, SMT, huge pages. Never `shard_size`.
///
///     worker counts ─► policies ─► SMT ─► huge pages ─► counts around the best ─► the best three of all ─► choice
///
/// Each stage compares the best so far with changes to it, in alternating rounds, so that a slow minute of the machine
/// affects all. An exhaustive search compares every combination instead. At the end, settings that may be better than the
/// choice are measured again with it; if that does not separate them, or if other programs were running, the choice is
/// uncertain.
package struct Tuner {
  /// A faster setting must win by more than this to displace a plainer one tried before it.
  package static let noise: Double = 0.01
  private static let rounds = 2
  private static let finalists = 3
  private static let finalRounds = 5
  private static let repetitions = 2
  /// A choice is in doubt if another setting may be faster by more than this.
  package static let doubtfulShare: Double = 0.05
  /// CPUs that others may keep busy during the search or, if that is not known, the load before it.
  private static let quietCPUs = 0.25
  private static let quietLoad = 0.5

  let configuration: RunConfiguration
  let topology: Topology
  /// Returns images/s of single steps under a setting.
  let measure: (RuntimeConfiguration) throws -> [Double]
  let progress: (TuningTrial) -> Void
  /// Settings that put every worker and its memory in the same place count as one.
  private var tried: [(placement: Placement, runtime: RuntimeConfiguration, rounds: [[Double]])] = []

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
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, exhaustive: Bool = false,
    secondsPerTrial: Double = 0.5, progress: (TuningTrial) -> Void = { _ in }
  ) throws -> TuningSummary {
    let load = systemLoad()
    let watch = ForeignLoad(on: topology.usable.cpus)
    return try withoutActuallyEscaping(progress) { progress in
      var tuner = Tuner(configuration: configuration, topology: topology, progress: progress) { runtime in
        var run = configuration
        run.runtime = runtime
        let trial = try TrainingTrial.run(
          configuration: run, topology: topology, kernels: kernels, seconds: secondsPerTrial)
        return trial.stepNanoseconds.map { Double(trial.batchSize) / ($0 * 1e-9) }
      }
      var summary = try tuner.search(exhaustive: exhaustive)
      summary.doubts += doubts(load: load, busyCPUs: watch.busyCPUs())
      return summary
    }
  }

  /// The influence of other programs: `load` before the search, and the CPUs they kept busy during it, if known.
  static func doubts(load: Double, busyCPUs: Double?) -> [String] {
    func text(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    if let busyCPUs {
      return busyCPUs < quietCPUs ? [] : ["other programs kept \(text(busyCPUs)) CPUs busy during the search"]
    }
    return load < quietLoad ? [] : ["the system's load was \(text(load)) before the start"]
  }

  mutating func search(exhaustive: Bool) throws -> TuningSummary {
    if exhaustive {
      var all = try usefulCounts().map(configured)
      for change in changes { all += all.flatMap(change) }
      _ = try fastest(of: all)
    } else {
      var best = try fastest(of: try firstCounts().map(configured))
      for change in changes { best = try fastest(of: [best] + change(best)) }
      _ = try fastest(of: [best] + neighbours(of: best))
    }
    return try final()
  }

  // MARK: What to try

  /// 1, 2, 4 … and the cores of whole nodes, at most one worker per shard.
  func firstCounts() throws -> [Int] {
    let all = try ScalingBenchmark.defaultCounts(topology, configuration.runtime)
    return Set(all.map { min($0, shards) }).sorted()
  }

  /// The fewest workers for every number of shards that the busiest may get: more would only be idle.
  func usefulCounts() throws -> [Int] {
    let most = try firstCounts().last ?? 1
    return Set((1...shards).map { (shards + $0 - 1) / $0 }.filter { $0 <= most } + [most]).sorted()
  }

  /// What else may change, one kind of change after the other; explicit CPUs stay as they are.
  var changes: [(RuntimeConfiguration) -> [RuntimeConfiguration]] { [otherPolicies, onSiblings, otherPages] }

  private func otherPolicies(than runtime: RuntimeConfiguration) -> [RuntimeConfiguration] {
    if case .cpus = runtime.policy { return [] }
    return [.close, .scatter, .none].filter { $0 != runtime.policy }.map { policy in
      var other = runtime
      other.policy = policy
      return other
    }
  }

  /// As many times more workers as cores have SMT siblings, at most one per shard.
  private func onSiblings(_ runtime: RuntimeConfiguration) -> [RuntimeConfiguration] {
    if case .cpus = runtime.policy { return [] }
    let siblings = topology.usableCores.map { $0.cpus.intersection(topology.usable.cpus).count }.max() ?? 1
    guard siblings > 1, !runtime.useSMT, case .count(let count) = runtime.workers else { return [] }
    var more = runtime
    more.useSMT = true
    more.workers = .count(min(count * siblings, topology.usable.cpus.count, max(shards, count)))
    return [more]
  }

  private func otherPages(than runtime: RuntimeConfiguration) -> [RuntimeConfiguration] {
    var other = runtime
    other.memory.hugePages.toggle()
    return topology.transparentHugePages == "never" ? [] : [other]
  }

  /// The useful counts halfway to the next ones tried, below and above.
  private func neighbours(of runtime: RuntimeConfiguration) throws -> [RuntimeConfiguration] {
    guard case .count(let workers) = runtime.workers else { return [] }
    let counts = tried.map(\.placement.workers.count)
    let below = counts.filter { $0 < workers }.max() ?? workers
    let above = counts.filter { $0 > workers }.min() ?? workers
    let useful = try usefulCounts()
    return [(below, workers), (workers, above)].compactMap { low, high in
      let between = useful.filter { low < $0 && $0 < high }
      guard !between.isEmpty else { return nil }
      var other = runtime
      other.workers = .count(between[between.count / 2])
      return other
    }
  }

  private var shards: Int {
    max(
      1,
      ShardPlan.shardCount(
        batchSize: configuration.training.batchSize, shardSize: configuration.runtime.shardSize))
  }

  private func configured(workers: Int) -> RuntimeConfiguration {
    var runtime = configuration.runtime
    runtime.workers = .count(workers)
    return runtime
  }

  // MARK: Trying

  /// Measures all in turn, `rounds` times, and returns the best; a single one that was measured before is not again.
  private mutating func fastest(of runtimes: [RuntimeConfiguration]) throws -> RuntimeConfiguration {
    let known = tried.count
    var indices: [Int] = []
    for runtime in runtimes {
      let index = try index(of: runtime)
      if !indices.contains(index) { indices.append(index) }
    }
    if indices.count > 1 || tried.count > known { try measure(indices, rounds: Self.rounds) }
    return Self.choice(indices.map(trial)).runtime
  }

  private mutating func index(of runtime: RuntimeConfiguration) throws -> Int {
    let placement = try Placement.plan(topology, runtime: runtime, shardsPerBatch: Int.max >> 1)
    let known = tried.firstIndex {
      $0.placement.workers == placement.workers && $0.runtime.memory == runtime.memory
    }
    if let known { return known }
    tried.append((placement, runtime, []))
    return tried.count - 1
  }

  private mutating func measure(_ indices: [Int], rounds: Int) throws {
    for i in indices { tried[i].rounds = [] }
    try measureMore(indices, rounds: rounds)
  }

  private mutating func measureMore(_ indices: [Int], rounds: Int) throws {
    for _ in 0..<rounds {
      for i in indices { tried[i].rounds.append(try measure(tried[i].runtime)) }
    }
    for i in indices { progress(trial(i)) }
  }

  /// Measures the fastest of all again, and those that may be better than the choice again with it.
  private mutating func final() throws -> TuningSummary {
    let ranked = tried.indices.sorted { trial($0).imagesPerSecond > trial($1).imagesPerSecond }
    let last = ranked.prefix(Self.finalists).sorted()
    if last.count > 1 { try measure(last, rounds: Self.finalRounds) }
    var best = Self.choice(last.map(trial))
    var rivals = Self.rivals(of: best, among: last.map(trial))
    for _ in 0..<Self.repetitions where !rivals.isEmpty {
      let alike = last.filter { ([best] + rivals).contains(trial($0)) }
      try measureMore(alike, rounds: Self.finalRounds)
      best = Self.choice(last.map(trial))
      rivals = Self.rivals(of: best, among: last.map(trial))
    }
    return TuningSummary(
      trials: tried.indices.map(trial), best: best,
      doubts: rivals.map { rival in
        func text(_ range: ClosedRange<Double>) -> String { "\(Int(range.lowerBound)) to \(Int(range.upperBound))" }
        return "another setting, of \(rival.workers) workers, may be more than \(Int(Self.doubtfulShare * 100)) % "
          + "faster (\(text(rival.range)) images/s against \(text(best.range)))"
      })
  }

  /// The trials that are faster than `best` by more than `doubtfulShare` if `best` is at the lower end of its range and
  /// they are at the upper end of theirs.
  package static func rivals(of best: TuningTrial, among trials: [TuningTrial]) -> [TuningTrial] {
    trials.filter { $0 != best && $0.range.upperBound > best.range.lowerBound * (1 + doubtfulShare) }
  }

  private func trial(_ index: Int) -> TuningTrial {
    let rounds = tried[index].rounds
    let medians = rounds.map(median).sorted()
    let last = max(0, medians.count - 1)
    // The quartiles, each the nearest of the rounds.
    let range = medians.isEmpty ? 0...0 : medians[(last + 2) / 4]...medians[last - (last + 2) / 4]
    return TuningTrial(
      runtime: tried[index].runtime, workers: tried[index].placement.workers.count,
      imagesPerSecond: median(rounds.flatMap { $0 }), range: range)
  }

  /// The first of those no more than `noise` below the fastest.
  ///
  /// - Precondition: `trials` is not empty.
  package static func choice(_ trials: [TuningTrial]) -> TuningTrial {
    precondition(!trials.isEmpty, "There is nothing to choose from.")
    let fastest = trials.map(\.imagesPerSecond).max() ?? 0
    return trials.first { $0.imagesPerSecond >= fastest * (1 - noise) } ?? trials[0]
  }
}

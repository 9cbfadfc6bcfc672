import Configuration
import Diagnostics
import Machine
import Randomness
import TestSupport
import Testing

@testable import Measuring

@Suite struct TunerTests {
  private func configuration(batch: Int) throws -> RunConfiguration {
    try ConfigurationReader.digits(overrides: [
      ConfigurationOverride(path: "training.batch_size", value: .integer(batch), origin: "test")
    ])
  }

  private func tuner(
    batch: Int, _ topology: Topology, measure: @escaping (RuntimeConfiguration) -> [Double] = { _ in [1] }
  ) throws -> Tuner {
    Tuner(configuration: try configuration(batch: batch), topology: topology, measure: measure)
  }

  @Test("only counts whose workers all have work are tried")
  func countsAreThoseWithWork() throws {
    let topology: Topology = .virtual(nodes: 2, cores: 2, threads: 2)
    #expect(try tuner(batch: 640, topology).firstCounts() == [1, 2, 4])
    #expect(try tuner(batch: 48, topology).firstCounts() == [1, 2, 3])
    #expect(try tuner(batch: 1, topology).firstCounts() == [1])
    #expect(try ScalingBenchmark.defaultCounts(topology, configuration(batch: 1).runtime) == [1, 2, 4])
    // Eight shards: five, six and seven workers are no faster than four.
    #expect(try tuner(batch: 128, .virtual(nodes: 1, cores: 16)).usefulCounts() == [1, 2, 3, 4, 8])
    #expect(try tuner(batch: 128, .virtual(nodes: 1, cores: 6)).usefulCounts() == [1, 2, 3, 4, 6])
  }

  @Test("changes affect only speed")
  func changesAreOfSpeedAlone() throws {
    let topology: Topology = .virtual(nodes: 2, cores: 2, threads: 2)
    var configuration = try configuration(batch: 640)
    configuration.runtime.workers = .count(4)
    let tuner = try tuner(batch: 640, topology)
    let changed: [RuntimeConfiguration] = tuner.changes.flatMap { $0(configuration.runtime) }
    #expect(changed.map(\.policy) == [.scatter, .none, .close, .close])
    #expect(changed.map(\.useSMT) == [false, false, true, false])
    #expect(changed.map(\.memory.hugePages) == [true, true, true, false])
    #expect(changed[2].workers == .count(8))
    #expect(changed.allSatisfy { $0.shardSize == configuration.runtime.shardSize })
    configuration.runtime.policy = .cpus("0-3")
    #expect(tuner.changes.prefix(2).allSatisfy { $0(configuration.runtime).isEmpty })
  }

  @Test("the plainer of two equal settings wins")
  func thePlainerOfTwoEqualsWins() throws {
    let runtime = try configuration(batch: 64).runtime
    let trials: [TuningTrial] = [(1, 50), (2, 99.5), (3, 100), (4, 80)].map {
      TuningTrial(runtime: runtime, workers: $0.0, imagesPerSecond: $0.1)
    }
    #expect(Tuner.choice(trials).workers == 2)
    #expect(Tuner.choice([trials[0], trials[3]]).workers == 4)
  }

  private func trial(_ workers: Int, _ median: Double, _ range: ClosedRange<Double>) throws -> TuningTrial {
    TuningTrial(
      runtime: try configuration(batch: 64).runtime, workers: workers, imagesPerSecond: median, range: range)
  }

  @Test("rivals are settings that may be faster")
  func rivalsAreThoseThatMayBeFaster() throws {
    let best = try trial(2, 100, 98...102)
    let slower = try trial(1, 95, 90...102)
    let noisy = try trial(1, 95, 80...104)
    #expect(Tuner.rivals(of: best, among: [best, slower]) == [])
    #expect(Tuner.rivals(of: best, among: [best, noisy]) == [noisy])
  }

  /// Ranges that keep overlapping make the choice uncertain, after the two were measured again; quiet ones do not.
  @Test("settings whose ranges overlap are measured again", arguments: [true, false])
  func whatOverlapsIsMeasuredAgain(
    isNoisy: Bool
  ) throws {
    var calls = 0
    var tuner = try tuner(batch: 64, .virtual(nodes: 1, cores: 2)) { runtime in
      calls += 1
      // Rounds that are fast and slow in turn, whatever is measured.
      let rate: Double = runtime.workers == .count(2) ? 102 : 100
      return [isNoisy ? rate * (calls / 3 % 2 == 0 ? 0.8 : 1.2) : rate]
    }
    let summary = try tuner.search(exhaustive: false)
    #expect(summary.isUncertain == isNoisy, "\(summary.doubts)")
    #expect(summary.trials.allSatisfy { $0.range.contains($0.imagesPerSecond) })
    let quiet = calls
    if isNoisy {
      #expect(summary.doubts[0].contains("may be more than 5 % faster"))
      #expect(userError { try summary.requireCertain() }?.category == .systemRefused)
    } else {
      #expect(quiet < 40)
      try summary.requireCertain()
    }
  }

  @Test("other programs make the choice uncertain")
  func otherProgramsMakeTheChoiceUncertain() {
    #expect(Tuner.doubts(load: 3, busyCPUs: 0.1) == [], "the load may be this program's own past")
    #expect(Tuner.doubts(load: 0, busyCPUs: 0.96) == ["other programs kept 1.0 CPUs busy during the search"])
    #expect(Tuner.doubts(load: 2, busyCPUs: nil) == ["the system's load was 2.0 before the start"])
    #expect(Tuner.doubts(load: 0.4, busyCPUs: nil) == [])
  }

  /// A machine as a formula: shards of the busiest worker, a cost per worker, factors for policy and SMT, and noise.
  private struct Model: Sendable {
    var shards: Int
    var costPerWorker: Double
    var scatter: Double
    var none: Double
    var siblings: Double
    var smallPages: Double

    func rate(_ runtime: RuntimeConfiguration) -> Double {
      guard case .count(let workers) = runtime.workers else { return 0 }
      let busiest = Double((shards + workers - 1) / workers)
      let policy: Double = runtime.policy == .scatter ? scatter : runtime.policy == .none ? none : 1
      let pages: Double = runtime.memory.hugePages ? 1 : smallPages
      return policy * pages * (runtime.useSMT ? siblings : 1) / (busiest + costPerWorker * Double(workers))
    }
  }

  @Test("the choice is close to the best of all", arguments: 0..<40)
  func theChoiceIsCloseToTheBestOfAll(seed: Int) throws {
    let random = RandomStream(seed: UInt64(seed), purpose: .syntheticData, stream: 0)
    var index: UInt64 = 0
    func draw(_ range: ClosedRange<Double>) -> Double {
      index += 1
      return range.lowerBound + random.uniform(index) * (range.upperBound - range.lowerBound)
    }
    let batch = [64, 128, 512, 1600][seed % 4]
    let topology: Topology = .virtual(
      nodes: [1, 2, 4][seed % 3], cores: [2, 6, 16][seed / 3 % 3], threads: 1 + seed % 2)
    let model = Model(
      shards: batch / 16, costPerWorker: seed % 5 == 0 ? draw(0.01...1) : draw(0...0.02), scatter: draw(0.7...1.2),
      none: draw(0.6...1.05), siblings: draw(0.4...0.8), smallPages: draw(0.8...1.1))
    // Medians of five steps, each up to 2 % off.
    func measure(_ runtime: RuntimeConfiguration) -> [Double] {
      (0..<5).map { _ in model.rate(runtime) * draw(0.98...1.02) }
    }
    var quick = try tuner(batch: batch, topology, measure: measure)
    var exhaustive = try tuner(batch: batch, topology, measure: measure)
    let found = try quick.search(exhaustive: false).best
    let all = try exhaustive.search(exhaustive: true)
    let best: Double = all.trials.map { model.rate($0.runtime) }.max() ?? 0
    #expect(model.rate(found.runtime) >= 0.95 * best, "\(found) against \(all.best)")
    #expect(model.rate(all.best.runtime) >= 0.95 * best)
  }
}

import Machine
import Testing

@testable import Training

@Suite struct TunerTests {
  /// Two nodes of two cores with two SMT siblings each.
  private let topology: Topology = Topology(
    nodes: [
      .init(id: 0, cpus: CPUSet([0, 1, 4, 5]), memoryBytes: 1 << 30, distances: [10, 20]),
      .init(id: 1, cpus: CPUSet([2, 3, 6, 7]), memoryBytes: 1 << 30, distances: [20, 10]),
    ],
    cores: (0..<4).map { .init(cpus: CPUSet([$0, $0 + 4]), node: $0 / 2, package: $0 / 2, lastLevelCache: $0 / 2) },
    lastLevelCaches: [CPUSet([0, 1, 4, 5]), CPUSet([2, 3, 6, 7])], caches: [],
    usable: .init(cpus: CPUSet(Array(0..<8)), quota: nil, reasons: []))

  private func configuration(batch: Int) throws -> RunConfiguration {
    try ConfigurationReader.digits(overrides: [
      ConfigurationOverride(path: "training.batch_size", value: .integer(batch), origin: "test")
    ])
  }

  @Test func countsAreThoseWithWork() throws {
    #expect(try Tuner.counts(configuration(batch: 640), topology).map(\.workers) == [.count(1), .count(2), .count(4)])
    #expect(try Tuner.counts(configuration(batch: 48), topology).map(\.workers) == [.count(1), .count(2), .count(3)])
    #expect(try Tuner.counts(configuration(batch: 1), topology).map(\.workers) == [.count(1)])
    #expect(try ScalingBenchmark.defaultCounts(topology, configuration(batch: 1).runtime) == [1, 2, 4])
  }

  @Test func variantsChangeSpeedAlone() throws {
    var runtime: RuntimeConfiguration = try configuration(batch: 64).runtime
    runtime.workers = .count(4)
    let variants: [RuntimeConfiguration] = Tuner.variants(of: runtime, topology)
    #expect(variants.map(\.policy) == [.scatter, .none, .close])
    #expect(variants.map(\.useSMT) == [false, false, true])
    #expect(variants.last?.workers == .count(8))
    #expect(variants.allSatisfy { $0.shardSize == runtime.shardSize })
    runtime.policy = .cpus("0-3")
    #expect(Tuner.variants(of: runtime, topology).isEmpty)
  }

  @Test func thePlainerOfTwoEqualsWins() throws {
    let runtime: RuntimeConfiguration = try configuration(batch: 64).runtime
    let trials: [TuningTrial] = [(1, 50), (2, 99.5), (3, 100), (4, 80)].map {
      TuningTrial(runtime: runtime, workers: $0.0, imagesPerSecond: $0.1)
    }
    #expect(Tuner.choice(trials).workers == 2)
    #expect(Tuner.choice([trials[0], trials[3]]).workers == 4)
  }
}

import Diagnostics
import Randomness
import Testing

@testable import Measuring

@Suite struct ScalingModelTests {
  /// Numbers that are easy to follow: 100 a shard, 10 bytes a nanosecond, no jitter and no contention.
  private var costs: ScalingCosts {
    var costs = ScalingCosts()
    costs.compute = [1: 100, 2: 200]
    costs.barrierArrival = 1
    costs.optimizer = 40
    costs.prepare = 400
    costs.parameterBytes = 1000
    costs.preparedBytes = 2000
    costs.coreBytesPerNanosecond = 10
    return costs
  }

  private func model(_ costs: ScalingCosts, _ nodes: Int, _ cores: Int, _ design: ReductionDesign) -> ScalingModel {
    ScalingModel(costs: costs, target: TargetTopology(nodes: nodes, coresPerNode: cores), design: design)
  }

  @Test("one worker's prediction is its measurement")
  func oneWorkerIsWhatWasMeasured() {
    for design in ReductionDesign.allCases {
      let step = model(costs, 2, 4, design).step(workers: 1, shards: 2)
      #expect(step == StepBreakdown(compute: 200, imbalance: 0, barrier: 3, reduce: 0, update: 440))
    }
  }

  @Test("one node adds all sums at its bandwidth")
  func oneNodeAddsAllSumsAtItsBandwidth() {
    let step = model(costs, 1, 4, .flat).step(workers: 4, shards: 4)
    // Three sums of 1000 bytes read and two written at 4 × 10 bytes a nanosecond; update shared by four.
    #expect(step == StepBreakdown(compute: 100, imbalance: 0, barrier: 12, reduce: 125, update: 110))
    #expect(step == model(costs, 1, 4, .threePhase).step(workers: 4, shards: 4))
  }

  @Test("a node is no faster than its memory")
  func aNodeIsNoFasterThanItsMemory() {
    var slow = costs
    slow.nodeBytesPerNanosecond = 20
    var step = model(slow, 1, 4, .flat).step(workers: 4, shards: 4)
    #expect(step.reduce == 250)
    #expect(step.update == 10 + 150, "3000 bytes of weights and transformed weights")
    slow.prepare = 120
    #expect(model(slow, 1, 4, .flat).step(workers: 4, shards: 4).update == 10 + 120, "no slower than one core alone")
    #expect(step.compute == 100)
    slow.shardBytes = [1: 1000]
    step = model(slow, 1, 4, .flat).step(workers: 4, shards: 4)
    #expect(step.compute == 200, "four times 1000 bytes")
    #expect(model(slow, 1, 4, .flat).step(workers: 1, shards: 1).compute == 100)
  }

  @Test("links carry what the design sends")
  func linksCarryWhatTheDesignSends() {
    // Two nodes: flat fetches half of the sums of one segment, and the node with the weights sends 3000 bytes.
    let flat = model(costs, 2, 2, .flat).step(workers: 4, shards: 4)
    #expect(flat.reduce == 125 + 200)
    // Sums inside both nodes, a replica written, and half of a sum and of the weights over the link.
    let phases = model(costs, 2, 2, .threePhase).step(workers: 4, shards: 4)
    #expect(phases.reduce == 150 + 50 + 50)
    // Each node's two workers transform its own weights.
    #expect(phases.update == 10 + 200)
    #expect(flat.update == 10 + 100)
    // Three barriers of four workers, half of them remote; four inside the node, two with both nodes.
    #expect(abs(flat.barrier - 3 * 4 * 1.55) < 1e-9)
    #expect(abs(phases.barrier - (4 * 2 + 2 * 2 * 2.1)) < 1e-9)
  }

  @Test("uneven shards are imbalance")
  func unevenShardsAreImbalance() {
    let step = model(costs, 1, 2, .flat).step(workers: 2, shards: 3)
    #expect(step.compute == 150)
    #expect(step.imbalance == 50)
    let idle = model(costs, 1, 4, .flat).step(workers: 4, shards: 2)
    #expect(idle.compute == 50 && idle.imbalance == 50)
  }

  @Test("contention and jitter cost every worker except a single one")
  func contentionAndJitterCostEveryoneButALoneWorker() {
    var noisy = costs
    (noisy.contention, noisy.jitter) = (1.5, 0.1)
    let alone = model(noisy, 1, 64, .flat).step(workers: 1, shards: 1)
    #expect(alone.compute == 100 && alone.imbalance == 0)
    let two = model(noisy, 1, 64, .flat).step(workers: 2, shards: 2)
    let many = model(noisy, 1, 64, .flat).step(workers: 64, shards: 64)
    #expect(two.compute == 150 && many.compute == 150)
    #expect(0 < two.imbalance)
    #expect(two.imbalance < many.imbalance)
    #expect(many.imbalance < 45, "three standard deviations")
  }

  /// Three segments: a meeting after each of the first two, which costs one arrival of each worker and waits for the slowest.
  @Test("each segment waits for its own slowest worker")
  func eachSegmentWaitsForItsOwnSlowestWorker() {
    var cut = costs
    cut.segments = [(0.5, 0.1), (0.3, 0.2), (0.2, 0)].map { ScalingSegment(share: $0.0, jitter: $0.1) }
    let alone = model(cut, 1, 4, .flat).step(workers: 1, shards: 1)
    #expect(alone == StepBreakdown(compute: 100, meetings: 2, imbalance: 0, barrier: 3, reduce: 0, update: 440))
    let four = model(cut, 1, 4, .flat).step(workers: 4, shards: 4)
    // The slowest of four is about one standard deviation late: 5 in the first segment, 6 in the second.
    let excess = inverseNormal((4 - 0.375) / 4.25)
    #expect(abs(four.meetings - (2 * 4 + (5 + 6) * excess)) < 1e-9)
    #expect(four.imbalance == 0 && four.compute == 100)
    // Uneven shards: each segment waits for its share of the 50 that the busier worker computes longer.
    let uneven = model(cut, 1, 2, .flat).step(workers: 2, shards: 3)
    #expect(abs(uneven.imbalance - 10) < 1e-9)
    #expect(uneven.meetings > 40 + 2 * 2)
    // In a tree of two nodes an arrival at each of its node's two workers, then one per node at a remote counter.
    cut.segments = cut.segments.map { ScalingSegment(share: $0.share, jitter: 0) }
    #expect(abs(model(cut, 2, 2, .threePhase).step(workers: 4, shards: 4).meetings - 2 * (2 + 2 * 2.1)) < 1e-9)
    #expect(abs(model(cut, 2, 2, .flat).step(workers: 4, shards: 4).meetings - 2 * 4 * 1.55) < 1e-9)
  }

  @Test("every worker adds the sums of all shards")
  func everyWorkerAddsTheSumsOfAllShards() {
    var cut = costs
    (cut.sumNanoseconds, cut.sumBytes) = (2, 40)
    #expect(model(cut, 1, 4, .flat).step(workers: 1, shards: 1).compute == 100, "it was measured with its own")
    #expect(model(cut, 1, 4, .flat).step(workers: 4, shards: 4).compute == 100 + 3 * 2)
    // Half of four shards' 40 bytes come over the link, 20 bytes a nanosecond.
    #expect(model(cut, 2, 2, .threePhase).step(workers: 4, shards: 4).compute == 100 + 3 * 2 + 4)
    // A worker without shards adds all of them.
    let idle = model(cut, 1, 4, .flat).step(workers: 4, shards: 2)
    #expect(idle.compute == 53, "two of 102, two of 4")
  }

  @Test("segments are measured on one worker's steps")
  func segmentsAreMeasuredOnOneWorkersSteps() {
    // Two loads; the second is twice as long, and one of its segments varies by 2 % of 100 times 1.4826.
    let loads: [[[Double]]] = [
      [[10, 40], [10, 40], [10, 40]], [[20, 98], [20, 100], [20, 102]],
    ]
    let segments = ScalingModel.segments(loads)
    #expect(segments.count == 2)
    #expect(abs(segments[0].share - (10.0 / 50 + 20.0 / 120) / 2) < 1e-12 && segments[0].jitter == 0)
    #expect(abs(segments.map(\.share).reduce(0, +) - 1) < 1e-12)
    #expect(abs(segments[1].jitter - 1.4826 * 0.02 / 2) < 1e-9)
    #expect(ScalingModel.segments([[[5], [6]]]).isEmpty, "a step without meetings is one segment")
    #expect(ScalingModel.segments([]).isEmpty)
  }

  @Test("loads between measurements are interpolated")
  func loadsBetweenMeasurementsAreInProportion() {
    #expect(model(costs, 1, 1, .flat).step(workers: 1, shards: 8).compute == 800)
    #expect(ScalingModel.shardCounts([(workers: 3, shards: 8), (workers: 16, shards: 8)]) == [1, 2, 3])
  }

  @Test("points go up to the whole target")
  func pointsCoverTheTarget() {
    #expect(ScalingModel.counts(TargetTopology(nodes: 8, coresPerNode: 16)) == [1, 2, 4, 8, 16, 32, 64, 128])
    #expect(ScalingModel.counts(TargetTopology(nodes: 3, coresPerNode: 6)) == [1, 2, 4, 6, 12, 18])
    #expect(ScalingModel.counts(TargetTopology(nodes: 1, coresPerNode: 1)) == [1])
    var costs = costs
    let target = TargetTopology(nodes: 2, coresPerNode: 2)
    // A single worker must do all of the update, so sharing it can make more workers better than proportional.
    #expect(ScalingModel.points(costs, target, shardSize: 16).contains { $0.efficiency > 1 })
    (costs.optimizer, costs.prepare) = (0, 0)
    let points = ScalingModel.points(costs, target, shardSize: 16)
    #expect(points.count == 6)
    var prediction = ScalingPrediction(target: target, costs: costs, points: points, checks: [])
    let flat: [Double] = [2, 4].compactMap { workers in
      points.first { $0.design == .flat && $0.workers == workers }?.imagesPerSecond
    }
    #expect(prediction.nodeEfficiency(.flat) == flat[1] / (2 * flat[0]))
    prediction.points = []
    #expect(prediction.nodeEfficiency(.flat) == nil)
    #expect(points.filter { $0.workers == 1 }.allSatisfy { $0.efficiency == 1 && $0.batchSize == 16 })
    #expect(points.filter { $0.workers > 1 }.allSatisfy { $0.efficiency > 0 && $0.efficiency < 1 })
  }

  @Test("a topology is nodes times cores", arguments: ["8x16", "8X16", "8×16"])
  func aTopologyIsNodesTimesCores(
    text: String
  ) throws {
    #expect(try TargetTopology(text: text) == TargetTopology(nodes: 8, coresPerNode: 16))
  }

  @Test(
    "any other target is a usage error", arguments: ["", "8", "8x", "x16", "8x16x2", "0x4", "4x-1", "a x b", "9999x1"])
  func anythingElseIsAUsageError(text: String) {
    #expect(throws: UserError.self) { try TargetTopology(text: text) }
  }

  @Test("hosts have nodes and a link", arguments: ["16x(2x64)@25Gb", "16X(2X64)@25gb", "16×(2×64)@25.0Gb"])
  func hosts(text: String) throws {
    let target = try TargetTopology(text: text)
    #expect(target == TargetTopology(hosts: 16, nodes: 2, coresPerNode: 64, gigabits: 25))
    #expect(target.cores == 2048 && target.description == "16x(2x64)@25Gb")
    #expect(try TargetTopology(text: "2x(1x4)@2.5Gb").description == "2x(1x4)@2.5Gb")
  }

  @Test(
    "hosts without nodes or a link are a usage error",
    arguments: [
      "16x(2x64)", "16x(2x64)@", "16x(2x64)@25", "16x2x64@25Gb", "(2x64)@25Gb", "0x(2x64)@25Gb", "2x(2x64@25Gb",
      "2x()@1Gb",
      "2x(2x64)@0Gb", "2x(2x64)@infGb", "2x(2x64)@-1Gb", "2(2x64)@25Gb", "2x(2x64)@25Gb@25Gb", "@", "@Gb", "x(1x1)@1Gb",
    ])
  func wrongHosts(text: String) { #expect(throws: UserError.self) { try TargetTopology(text: text) } }

  @Test("hosts send partial sums and weights over their links")
  func linksBetweenHosts() {
    var costs = costs
    (costs.exchangeNanoseconds, costs.linkShare) = (7, 0.5)
    // 16 gigabits at a half are a byte a nanosecond.
    let target = TargetTopology(hosts: 4, nodes: 1, coresPerNode: 2, gigabits: 16)
    let model = ScalingModel(costs: costs, target: target, design: .threePhase)
    let (host, all) = (model.step(workers: 2, shards: 2), model.step(workers: 8, shards: 8))
    #expect(host.exchange == 0 && all.compute == host.compute && all.barrier == host.barrier)
    // Each host has one tree node: 3/4 of 1000 bytes out as sums, and as weights.
    #expect(all.exchange == 1500 + 2 * 7)
    #expect(all.reduce == host.reduce + 1.5 * 1000 / 20)
    #expect(all.update == host.update - 40.0 / 2 + 40.0 / 8)
    // 3 shards of 6 are two nodes, 2 and 1.
    let two = ScalingModel(
      costs: costs, target: TargetTopology(hosts: 2, nodes: 1, coresPerNode: 3, gigabits: 16), design: .threePhase)
    #expect(two.step(workers: 6, shards: 6).exchange == 1.5 * 1000 + 2 * 7)
    // A meeting more, in which every host gets the sums of the others' 4 shards.
    costs.segments = [.init(share: 0.5, jitter: 0), .init(share: 0.5, jitter: 0)]
    costs.sumBytes = 10
    let meeting = ScalingModel(costs: costs, target: target, design: .threePhase).step(workers: 8, shards: 8)
    #expect(meeting.exchange == 1500 + 60 + 21, "three exchanges")
  }

  @Test("points go on over hosts, as training does")
  func pointsOfHosts() throws {
    let target = TargetTopology(hosts: 6, nodes: 2, coresPerNode: 2, gigabits: 10)
    #expect(ScalingModel.counts(target) == [1, 2, 4, 8, 16, 24])
    let points = ScalingModel.points(costs, target, shardSize: 16)
    #expect(points.filter { $0.design == .flat }.map(\.workers) == [1, 2, 4])
    #expect(points.filter { $0.design == .threePhase }.map(\.hosts) == [1, 1, 1, 2, 4, 6])
    #expect(points.last?.nodes == 12)
    let prediction = ScalingPrediction(target: target, costs: costs, points: points, checks: [])
    let one = try #require(points.first { $0.design == .threePhase && $0.workers == 4 })
    let all = try #require(points.last)
    let expected = all.imagesPerSecond / (6 * one.imagesPerSecond)
    #expect(prediction.hostEfficiency == expected && expected < 1)
  }

  @Test("one interruption does not count as jitter")
  func oneInterruptionDoesNotCountAsJitter() {
    #expect(ScalingModel.relativeDeviation([100, 100, 100, 100, 900]) == 0)
    #expect(ScalingModel.relativeDeviation([]) == 0)
    #expect(abs(ScalingModel.relativeDeviation([98, 99, 100, 101, 102]) - 0.014826) < 1e-9)
  }
}

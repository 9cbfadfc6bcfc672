import Collectives
import Datasets
import Randomness

/// A part of compute that ends with a meeting of all workers; the last one ends with compute itself.
package struct ScalingSegment: Sendable, Hashable {
  /// Of compute.
  package var share: Double
  /// As `ScalingCosts.jitter`, of this part alone.
  package var jitter: Double

  package init(share: Double, jitter: Double) {
    self.share = share
    self.jitter = jitter
  }
}

/// What the model knows of one core and of how cores affect each other; times in nanoseconds. See docs/scaling-model.md.
package struct ScalingCosts: Sendable, Hashable {
  /// Forward and backward over 1, 2, … shards on one core while the others are idle: `compute[shards]`.
  package var compute: [Int: Double] = [:]
  /// Compute with all measured cores at work over compute alone, at least 1.
  package var contention: Double = 1
  /// The workers measured together. One alone says nothing about contention or barriers.
  package var measuredWorkers: Int = 1
  /// Whether one worker was measured too; otherwise contention is an assumption.
  package var measuresContention: Bool = false
  /// Standard deviation of a worker's compute time over its mean.
  package var jitter: Double = 0
  /// The segments of a net whose layers meet inside compute, in order; empty for one that does not meet.
  package var segments: [ScalingSegment] = []
  /// Adding one shard's sums of all those meetings to the others', as each worker does; and their bytes.
  package var sumNanoseconds: Double = 0
  package var sumBytes: Double = 0
  /// One arrival at a barrier.
  package var barrierArrival: Double = 0
  /// The optimizer over all parameters on one core, and the transforms of all new weights.
  package var optimizer: Double = 0
  package var prepare: Double = 0
  /// Bytes of all parameters, and of the transformed weights.
  package var parameterBytes: Double = 0
  package var preparedBytes: Double = 0
  /// Bytes that forward and backward over 1, 2, … shards move to and from memory: `shardBytes[shards]`; empty if a shard stays in
  /// a core's own caches.
  package var shardBytes: [Int: Double] = [:]
  /// Bytes one core reads and writes while copying, alone, and all measured cores together.
  package var coreBytesPerNanosecond: Double = 1
  package var copyBytesPerNanosecond: Double = 1

  /// What a core has of its caches for maps: its own, and its share of the last level.
  package var cacheBytes: Double = 0

  /// Assumed, as a machine with one node cannot measure them; typical of two-socket to eight-socket servers.
  package var sharedCacheBytes: Double = 2 * 1024 * 1024
  package var nodeBytesPerNanosecond: Double = 100
  package var linkBytesPerNanosecond: Double = 20
  package var remoteLatencyRatio: Double = 2.1
  /// Assumed of an exchange between hosts: what it takes beside its bytes, and how much of the link they get.
  package var exchangeNanoseconds: Double = 30_000
  package var linkShare: Double = 0.9

  package init() {}
}

/// The all-reduce to predict.
package enum ReductionDesign: String, Sendable, CaseIterable {
  /// Every worker adds its segment of all partial sums, on whatever node they are; one copy of the weights.
  case flat
  /// Inside each node, across nodes, then each node's replica of the weights.
  case threePhase = "three_phase"

  /// What `bench scaling` calls it.
  package var summary: String {
    switch self {
    case .flat: "each worker adds its part of all workers' sums, for comparison"
    case .threePhase: "inside nodes, across nodes, into replicas, as training does"
    }
  }
}

/// The time of one step on `workers` workers as a pure function of costs; the arithmetic of docs/scaling-model.md.
package struct ScalingModel: Sendable, Hashable {
  package var costs: ScalingCosts
  package var target: TargetTopology
  package var design: ReductionDesign

  package init(costs: ScalingCosts, target: TargetTopology, design: ReductionDesign) {
    self.costs = costs
    self.target = target
    self.design = design
  }

  /// The parts of one step in which a batch of `shards` is shared by `workers`, filling node after node.
  ///
  /// - Precondition: 1 ≤ `workers` ≤ the target's cores and `shards` ≥ 1.
  package func step(workers: Int, shards: Int) -> StepBreakdown {
    precondition(workers >= 1 && workers <= target.cores && shards >= 1, "No step of \(workers) workers is known.")
    var step = StepBreakdown()
    let hosts = (workers + target.coresPerHost - 1) / target.coresPerHost
    let perHost = min(workers, target.coresPerHost)
    // All of one host, which the others are like.
    let nodes = (perHost + target.coresPerNode - 1) / target.coresPerNode
    let perNode = min(workers, target.coresPerNode)
    let bandwidth = min(costs.coreBytesPerNanosecond * Double(perNode), costs.nodeBytesPerNanosecond)

    // ⌊S/W⌋ or ⌈S/W⌉ shards each.
    let most = (shards + workers - 1) / workers
    let busiest = Double(shards - (most - 1) * workers)
    func compute(_ own: Int) -> Double {
      loaded(own, workers, perNode, bandwidth) + sums(shards, own: own, nodes)
    }
    let longest = compute(most)
    step.compute =
      (busiest * longest + (Double(workers) - busiest) * compute(most - 1)) / Double(workers)
    let waits = segments.map { $0.share * (longest - step.compute) + $0.share * longest * $0.jitter * excess(workers) }
    step.imbalance = waits[waits.count - 1]

    // Arrivals one after another at one counter; in three phases at the node's own, then one per node at a shared one.
    let remoteShare = Double(nodes - 1) / Double(nodes)
    let isTree = design == .threePhase && nodes > 1
    let arrivals =
      isTree
      ? Double(perNode) + Double(nodes) * costs.remoteLatencyRatio
      : Double(perHost) * (1 + remoteShare * (costs.remoteLatencyRatio - 1))
    step.barrier = costs.barrierArrival * (isTree ? 2 * arrivals + 2 * Double(perNode) : 3 * arrivals)
    step.meetings =
      waits.dropLast().reduce(0, +) + Double(waits.count - 1) * costs.barrierArrival * arrivals
    let hostShards = (shards + hosts - 1) / hosts
    step.reduce = reduce(
      perHost, nodes, perNode, sums: partialSums(workers: perHost, shards: hostShards), bandwidth)
    if hosts > 1 {
      let sums = hostSums(hosts, perHost, shards)
      step.exchange = exchange(hosts, sums: sums, shards: shards)
      // Every host adds all hosts' sums over its segment.
      step.reduce += 1.5 * sums * costs.parameterBytes / (bandwidth * Double(nodes))
    }

    // With replicas, each node transforms its own weights; memory may be slower than arithmetic.
    let (preparing, memory) =
      design == .flat ? (perHost, bandwidth * Double(nodes)) : (perNode, bandwidth)
    let fetched = (costs.parameterBytes + costs.preparedBytes) / memory
    step.update =
      costs.optimizer / Double(workers) + min(costs.prepare, max(costs.prepare / Double(preparing), fetched))
    return step
  }

  /// The most partial sums that a host sends: one for each largest tree node in its run of shards.
  private func hostSums(_ hosts: Int, _ workers: Int, _ shards: Int) -> Double {
    let runs = ShardPlan.shards(ofRanks: hosts, workers: workers, shardCount: shards)
    let nodes = ReductionProgram(shardCount: shards, runs: runs).nodes
    return Double(Dictionary(grouping: nodes, by: \.worker).values.map(\.count).max() ?? 0)
  }

  /// Partial sums to all other hosts, new weights to all, and the sums of each meeting; nothing overlaps.
  private func exchange(_ hosts: Int, sums: Double, shards: Int) -> Double {
    let others = Double(hosts - 1) / Double(hosts)
    let bytes = (sums + 1) * costs.parameterBytes * others + Double(shards) * costs.sumBytes * others
    let link = (target.gigabits ?? 0) / 8 * costs.linkShare
    return bytes / link + Double(2 + segments.count - 1) * costs.exchangeNanoseconds
  }

  private var segments: [ScalingSegment] {
    costs.segments.isEmpty ? [ScalingSegment(share: 1, jitter: costs.jitter)] : costs.segments
  }

  /// Adding the meetings' sums of the shards of other workers; those on other nodes come over the node's link once.
  private func sums(_ shards: Int, own: Int, _ nodes: Int) -> Double {
    let remote = Double(shards) * costs.sumBytes * Double(nodes - 1) / Double(nodes)
    return Double(shards - own) * costs.sumNanoseconds + remote / costs.linkBytesPerNanosecond
  }

  /// A worker's time for so many shards while `perNode` cores compute on each node and share its memory.
  private func loaded(_ shards: Int, _ workers: Int, _ perNode: Int, _ bandwidth: Double) -> Double {
    let contention = workers > 1 ? costs.contention : 1
    return max(
      Self.value(costs.compute, of: shards) * contention,
      Double(perNode) * Self.value(costs.shardBytes, of: shards) / bandwidth)
  }

  /// Each partial sum is read once, and every second one is written back with another added to it; those on other nodes
  /// come over each node's link.
  private func reduce(_ workers: Int, _ nodes: Int, _ perNode: Int, sums: Double, _ bandwidth: Double) -> Double {
    guard sums > 1 else { return 0 }
    let bytes = costs.parameterBytes
    let others = Double(nodes - 1)
    // The optimizer's time includes reading the total, which here is in the cache already.
    let once = (1.5 * sums - 1) * bytes / (bandwidth * Double(nodes))
    switch design {
    case .threePhase where nodes > 1:
      // Each node adds its own sums, then fetches its segment of the others' one sum, sends its segment of new weights
      // to each, and writes theirs into its replica.
      return 1.5 * sums * bytes / (bandwidth * Double(nodes)) + bytes / bandwidth
        + 2 * bytes / Double(nodes) * others / costs.linkBytesPerNanosecond
    case .threePhase: return once
    case .flat:
      // Each node fetches its segment of the others' sums; the one copy of the weights serves all other nodes.
      let remote = bytes * sums * others / Double(nodes * nodes) + others * (bytes + costs.preparedBytes)
      return once + remote / costs.linkBytesPerNanosecond
    }
  }

  /// Partial sums of the batch: one per worker with shards; runs that are not whole subtrees have more (not counted).
  private func partialSums(workers: Int, shards: Int) -> Double { Double(min(workers, shards)) }

  /// Between measured numbers of shards, and beyond them, in proportion; 0 if nothing was measured.
  private static func value(_ measured: [Int: Double], of shards: Int) -> Double {
    if shards == 0 { return 0 }
    if let known = measured[shards] { return known }
    let nearest = measured.keys.sorted().min { abs($0 - shards) < abs($1 - shards) }
    guard let nearest, let value = measured[nearest] else { return 0 }
    return value * Double(shards) / Double(nearest)
  }

  /// By how many standard deviations the slowest of `workers` exceeds the mean: G. Blom's approximation.
  private func excess(_ workers: Int) -> Double {
    workers < 2 ? 0 : inverseNormal((Double(workers) - 0.375) / (Double(workers) + 0.25))
  }
}

/// What `bench scaling --predict` adds.
package struct ScalingPrediction: Sendable, Hashable {
  package struct Point: Sendable, Hashable {
    package var workers: Int
    package var hosts: Int = 1
    /// Of all hosts.
    package var nodes: Int
    package var batchSize: Int
    package var design: ReductionDesign
    package var imagesPerSecond: Double
    /// Against one worker with as many shards as each of these has.
    package var efficiency: Double
    package var breakdown: StepBreakdown
  }
  /// A worker count that was measured, and what the model predicts for it.
  package struct Check: Sendable, Hashable {
    package var kind: String
    package var workers: Int
    package var batchSize: Int
    package var measured: Double
    package var predicted: Double
    package var relativeError: Double { measured > 0 ? predicted / measured - 1 : 0 }
  }
  package var target: TargetTopology
  package var costs: ScalingCosts
  package var points: [Point]
  package var checks: [Check]

  /// Images/s of all nodes of a host, divided by their number times the images/s of one whole node.
  package func nodeEfficiency(_ design: ReductionDesign) -> Double? {
    efficiency(design, of: target.coresPerHost, against: target.coresPerNode)
  }

  /// Images/s of all hosts, divided by their number times the images/s of one whole host.
  package var hostEfficiency: Double? { efficiency(.threePhase, of: target.cores, against: target.coresPerHost) }

  private func efficiency(_ design: ReductionDesign, of all: Int, against one: Int) -> Double? {
    let own = points.filter { $0.design == design }
    guard let first = own.first(where: { $0.workers == one }), let last = own.first(where: { $0.workers == all })
    else { return nil }
    return last.imagesPerSecond / (Double(all) / Double(one) * first.imagesPerSecond)
  }
}

extension ScalingModel {
  /// Worker counts worth a line: powers of two in the first node, then doubling numbers of nodes up to all of a host, then of hosts.
  package static func counts(_ target: TargetTopology) -> [Int] {
    var counts: Set<Int> = [target.coresPerNode, target.coresPerHost, target.cores]
    var count = 1
    while count < target.coresPerNode { (_, count) = (counts.insert(count), count * 2) }
    var nodes = 2
    while nodes < target.nodes { (_, nodes) = (counts.insert(nodes * target.coresPerNode), nodes * 2) }
    var hosts = 2
    while hosts < target.hosts { (_, hosts) = (counts.insert(hosts * target.coresPerHost), hosts * 2) }
    return counts.sorted()
  }

  /// Both designs over `counts`, beyond one host that of training alone, with `shardsPerWorker` shards for each worker.
  package static func points(
    _ costs: ScalingCosts, _ target: TargetTopology, shardSize: Int, shardsPerWorker: Int = 1
  ) -> [ScalingPrediction.Point] {
    ReductionDesign.allCases.flatMap { design in
      let model = ScalingModel(costs: costs, target: target, design: design)
      let alone = model.step(workers: 1, shards: shardsPerWorker).total
      let counts = counts(target).filter { design == .threePhase || $0 <= target.coresPerHost }
      return counts.map { workers in
        let step = model.step(workers: workers, shards: workers * shardsPerWorker)
        let batch = workers * shardsPerWorker * shardSize
        return ScalingPrediction.Point(
          workers: workers, hosts: (workers + target.coresPerHost - 1) / target.coresPerHost,
          nodes: (workers + target.coresPerNode - 1) / target.coresPerNode, batchSize: batch,
          design: design, imagesPerSecond: Double(batch) / (step.total * 1e-9), efficiency: alone / step.total,
          breakdown: step)
      }
    }
  }
}

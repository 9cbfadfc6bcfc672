import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Network
import Runs
import Storage
import Training

/// Finds the first step in which two runs differ, and then, by computing it again, the shard, the layer and the pass.
///
///     chains of both ledgers ─ bisection ─► first step whose record differs
///     last equal digest of weights ─► newest checkpoint before it ─ replay ─► which run the replay agrees with
///     its steps, shard by shard, by two builds of the kernels ─► the first that differ
///
/// A fault that does not repeat leaves nothing to compute again: then the replay says which run is the false one.
package struct RunComparison {
  private let a: RunEvidence
  private let b: RunEvidence
  private let topology: Topology
  private let kernels: KernelTable
  private let reference: KernelTable
  /// For the replay and the shards by `kernels`.
  package var options = RunOptions()

  /// - Parameters:
  ///   - kernels: the build that the replay uses.
  ///   - reference: the build that its shards are compared with.
  package init(
    _ a: RunEvidence, _ b: RunEvidence, topology: Topology, kernels: KernelTable, reference: KernelTable
  ) {
    (self.a, self.b) = (a, b)
    self.topology = topology
    (self.kernels, self.reference) = (kernels, reference)
  }

  /// - Throws: `UserError` about data that is missing or not that of the runs.
  package func run() throws -> ComparisonSummary {
    var summary = ComparisonSummary(runs: [a.path, b.path], steps: [a.steps, b.steps])
    summary.settings = settings()
    guard let first = firstDifference(&summary) else { return summary }
    let (one, other) = (a.ledger.entries[first - 1], b.ledger.entries[first - 1])
    summary.firstStep = first
    summary.differences = [
      ("examples", one.batch != other.batch), ("loss", one.loss != other.loss),
      ("weights", one.weights != nil && other.weights != nil && one.weights != other.weights),
    ].filter(\.1).map(\.0)
    // Runs of different settings differ as they should.
    guard summary.settings.isEmpty else { return summary }
    try recompute(&summary, first)
    return summary
  }

  /// What the runs were told differently, in words.
  private func settings() -> [String] {
    var settings: [String] = []
    let (one, other) = (a.ledger.start, b.ledger.start)
    if one.numericsVersion != other.numericsVersion {
      settings.append("numerics version: \(one.numericsVersion) and \(other.numericsVersion)")
    }
    if one.configuration != other.configuration {
      settings += a.configuration.differences(from: b.configuration)
    }
    if one.data != other.data { settings.append("data: the examples differ") }
    if one.configuration == other.configuration, one.weights != other.weights {
      settings.append("initial weights: the runs began with different ones")
    }
    return settings
  }

  /// The first step whose records differ, by bisection: a chain that differs stays different. `nil` if one run's ledger is
  /// the beginning of the other's.
  private func firstDifference(_ summary: inout ComparisonSummary) -> Int? {
    let common = min(a.steps, b.steps)
    func isSame(_ step: Int) -> Bool {
      summary.comparisons += 1
      return a.ledger.links[step] == b.ledger.links[step]
    }
    guard a.ledger.start == b.ledger.start else {
      // Their chains differ from the start: compare what they record.
      for step in 0..<common {
        summary.comparisons += 1
        let (one, other) = (a.ledger.entries[step], b.ledger.entries[step])
        let sameWeights = one.weights == nil || other.weights == nil || one.weights == other.weights
        if one.batch != other.batch || one.loss != other.loss || !sameWeights { return step + 1 }
      }
      return nil
    }
    var (same, different) = (0, common + 1)
    while different - same > 1 {
      let middle = (same + different) / 2
      if isSame(middle) { same = middle } else { different = middle }
    }
    return different > common ? nil : different
  }

  // MARK: Computing again

  private func recompute(_ summary: inout ComparisonSummary, _ first: Int) throws {
    // Up to here both had the same weights; after it a step may differ before its record does.
    let agreed = a.ledger.entries[..<(first - 1)].last { $0.weights != nil }?.step ?? 0
    let data = try a.configuration.loadData()
    try a.requireData(training: data.training, test: data.test, kernels)
    let start = ([0] + a.checkpoints.filter { $0 <= agreed }).last ?? 0
    summary.replayedFrom = start
    var run = a.configuration
    run.checkpoint = CheckpointConfiguration(everyEpochs: 0)
    // The ledgers say where the runs ended.
    (run.training.maxSeconds, run.training.earlyStopping, run.training.stopAt) = (nil, nil, nil)
    run.ledger.everySteps = a.ledger.start.everySteps
    func trainer(_ kernels: KernelTable, to step: Int, _ options: RunOptions) throws -> Trainer {
      let checkpoint = start == 0 ? nil : try Checkpoint.open(try CheckpointFolder(path: a.path).file(step: start))
      let trainer = try Trainer(
        configuration: run, topology: topology, kernels: kernels, training: data.training, test: data.test,
        initialWeights: nil, resuming: checkpoint)
      trainer.options = options
      trainer.options.lastStep = step
      return trainer
    }
    let replay = try trainer(kernels, to: first, options)
    if start == 0, replay.ledgerStart?.weights != a.ledger.start.weights {
      summary.remarks.append(
        "the runs did not start from the weights of their seed and have no checkpoint before step \(first), so that nothing "
          + "was computed again")
      return
    }
    var matches = (a: true, b: true)
    _ = try replay.run(stop: StopFlag()) { event in
      guard case .ledger(let entry) = event else { return }
      if a.ledger.entries[entry.step - 1] != entry { matches.a = false }
      if b.ledger.entries[entry.step - 1] != entry { matches.b = false }
    }
    summary.replayAgrees = [matches.a, matches.b]
    // The first step that two builds compute differently, if there is one.
    for step in agreed..<first {
      let before = try trainer(reference, to: step, RunOptions())
      if step > start { _ = try before.run(stop: StopFlag()) { _ in } }
      if let shard = try shard(of: step, run, before.trainedWeights(), data.training) {
        summary.shard = shard
        return
      }
    }
  }

  /// The first shard of a step whose loss or gradient the two builds compute differently.
  private func shard(
    of step: Int, _ run: RunConfiguration, _ weights: [NamedTensor], _ data: ImageDataset
  ) throws -> ComparisonSummary.Shard? {
    var single = run
    (single.runtime.workers, single.runtime.auditEverySteps) = (.count(1), 0)
    func shards(_ kernels: KernelTable, _ options: RunOptions) throws -> (RunPlan, [ShardReplay.Shard]) {
      let plan = try RunPlan(single, topology: topology, kernels: kernels, exampleCount: data.count)
      return (plan, try ShardReplay(plan, weights: weights, dataset: data, options: options).shards(ofStep: step))
    }
    let (plan, own) = try shards(kernels, options)
    let (_, others) = try shards(reference, RunOptions())
    if let place = meeting(plan.network, own, others) {
      return ComparisonSummary.Shard(
        step: step + 1, shard: place.shard, of: own.count, tensors: [], sums: place.layer,
        pass: place.isForward ? .forward : .backward)
    }
    let table = plan.network.parameters
    let parameters = table.parameters.filter(\.role.isTrained)
    for (shard, (one, other)) in zip(own, others).enumerated() {
      let differing = parameters.filter { parameter in
        let (first, second) = (
          table.unpack(parameter, from: one.gradient), table.unpack(parameter, from: other.gradient)
        )
        return !first.elementsEqual(second) { $0.bitPattern == $1.bitPattern }
      }.map(\.name)
      let isForward = one.loss.bitPattern != other.loss.bitPattern
      guard isForward || !differing.isEmpty else { continue }
      return ComparisonSummary.Shard(
        step: step + 1, shard: shard, of: own.count, tensors: differing,
        pass: isForward ? .forward : differing.count == 1 ? .weightGradient : .backward)
    }
    return nil
  }
}

extension RunComparison {
  /// The first meeting of a step, and in it the first shard, whose sums differ: after it all shards may.
  private func meeting(
    _ network: NetworkPlan, _ own: [ShardReplay.Shard], _ others: [ShardReplay.Shard]
  ) -> (shard: Int, layer: String, isForward: Bool)? {
    for (layer, isForward, range) in network.schedule.order {
      let shard = own.indices.first { shard in
        range.contains { own[shard].sums[$0].bitPattern != others[shard].sums[$0].bitPattern }
      }
      if let shard { return (shard, network.name(ofLayer: layer), isForward) }
    }
    return nil
  }
}

extension RunConfiguration {
  /// The keys that decide numbers and have other values in `other`, with both values.
  fileprivate func differences(from other: RunConfiguration) -> [String] {
    let (own, others) = (jsonValue.leafTexts, other.jsonValue.leafTexts)
    let paths = Set(own.keys).union(others.keys).filter { !mayChange($0) || !other.mayChange($0) }
    return paths.sorted().compactMap { path in
      let (one, two) = (own[path] ?? "absent", others[path] ?? "absent")
      return one == two ? nil : "\(path): \(one) and \(two)"
    }
  }
}

/// What a comparison of two runs has found.
package struct ComparisonSummary: Sendable, Hashable {
  /// Where two builds of the kernels differ.
  package struct Shard: Sendable, Hashable {
    package enum Pass: String, Sendable {
      /// The loss differs already, or a layer's sums over the batch.
      case forward
      /// The gradients of several tensors differ: the layer of the last one, or the gradient that reached it; or a layer's
      /// sums of it.
      case backward
      /// Only one tensor's gradient differs.
      case weightGradient = "weight_gradient"
    }
    /// From 1.
    package var step: Int
    /// From 0, of so many in the step.
    package var shard: Int
    package var of: Int
    /// Those whose gradients differ, in layer order.
    package var tensors: [String]
    /// The layer whose sums over the batch are the first to differ: of its input, or of its gradient in the backward pass.
    package var sums: String?
    package var pass: Pass
  }
  package var runs: [String]
  /// Steps of each ledger.
  package var steps: [Int]
  /// Differences of configuration, data, numerics version and initial weights, in words.
  package var settings: [String] = []
  /// The first step whose records differ, from 1; `nil` if all common steps are the same.
  package var firstStep: Int?
  /// What differs there.
  package var differences: [String] = []
  /// How many records were compared to find it.
  package var comparisons = 0
  /// The step after which the replay began; `nil` if there was none.
  package var replayedFrom: Int?
  /// Whether the replay has the records of each run; empty without one.
  package var replayAgrees: [Bool] = []
  package var shard: Shard?
  package var remarks: [String] = []

  init(runs: [String], steps: [Int]) { (self.runs, self.steps) = (runs, steps) }

  /// Whether both are the same run, as far as both go.
  package var isSame: Bool { firstStep == nil && settings.isEmpty }
}

import Configuration
import Datasets
import Diagnostics
import KernelInterface
import Machine
import Runs
import Storage
import Training

/// Replays parts of a run, from checkpoint to checkpoint, and compares every step with its ledger.
///
///     start ──► checkpoint ──► checkpoint ──► … ──► end of the ledger
///           0              1              2
///
/// A part begins with the state in its checkpoint, whose weights the ledger names where the step has a digest of them. Each
/// replayed step must have the ledger's batch, loss and weights; each line of metrics its values; and the state after the
/// part's last step must be that of the next checkpoint, bit for bit. Workers, placement and kernels are whatever is at hand.
package struct RunVerification {
  /// A part of a run: the steps after `first` up to `last`.
  package struct Segment: Hashable, Sendable {
    package var first: Int
    package var last: Int
    /// Whether there is a checkpoint at its start, or at its end.
    package var startsAtCheckpoint: Bool
    package var endsAtCheckpoint: Bool
    package var steps: Int { last - first }
  }

  private let evidence: RunEvidence
  private let topology: Topology
  private let kernels: KernelTable
  private let data: (training: ImageDataset, test: ImageDataset?)
  private let initialWeights: [NamedTensor]?

  /// - Parameter initialWeights: what the run started from, if that was not its seed.
  /// - Throws: `UserError` about data that is missing, or not that of the run.
  package init(
    _ evidence: RunEvidence, topology: Topology, kernels: KernelTable, initialWeights: [NamedTensor]? = nil
  ) throws {
    self.evidence = evidence
    self.topology = topology
    self.kernels = kernels
    self.initialWeights = initialWeights
    data = try evidence.configuration.loadData()
    try evidence.requireData(training: data.training, test: data.test, kernels)
  }

  /// The parts in order; checkpoints after the ledger's last step are left out.
  package var segments: [Segment] {
    let inner = evidence.checkpoints.filter { $0 > 0 && $0 < evidence.steps }
    let ends = [0] + inner + (evidence.steps > 0 ? [evidence.steps] : [])
    return zip(ends, ends.dropFirst()).map { first, last in
      Segment(
        first: first, last: last, startsAtCheckpoint: first > 0, endsAtCheckpoint: evidence.checkpoints.contains(last))
    }
  }

  /// Replays `count` parts drawn from `generator`, or all of them with `nil`.
  ///
  /// - Parameter progress: called before each part.
  /// - Throws: `UserError(.badData)` naming the file, the step and what differs.
  package func run(
    segments count: Int?, using generator: inout some RandomNumberGenerator, progress: (Segment) -> Void = { _ in }
  ) throws -> VerificationSummary {
    let all = segments
    var summary = VerificationSummary(evidence, segments: all, kernels: kernels.name)
    var remaining = all
    if all.first?.startsAtCheckpoint == false, let reason = try beginning() {
      summary.remarks.append(reason)
      remaining.removeFirst()
    }
    summary.isAll = count == nil && remaining.count == all.count
    let chosen = count.map { remaining.shuffled(using: &generator).prefix($0).sorted { $0.first < $1.first } }
    for segment in chosen ?? remaining {
      progress(segment)
      try replay(segment, &summary)
    }
    return summary
  }

  /// Why the first part cannot be replayed; `nil` if it can.
  private func beginning() throws -> String? {
    let start = try trainer(from: nil).ledgerStart
    guard start?.weights != evidence.ledger.start.weights else { return nil }
    guard initialWeights == nil else {
      throw UserError(.badData, "--weights", "are not the weights that the run started from, by \(Ledger.fileName)")
    }
    return "the run did not start from the weights of its seed, so that the steps up to "
      + "\(segments.first?.last ?? 0) can be replayed only with --weights FILE"
  }

  /// Ready to go on after a checkpoint, or from the start.
  private func trainer(from checkpoint: Checkpoint?) throws -> Trainer {
    var run = evidence.configuration
    run.checkpoint = CheckpointConfiguration(everyEpochs: 0)
    // The ledger says where the run ended.
    (run.training.maxSeconds, run.training.earlyStopping, run.training.stopAt) = (nil, nil, nil)
    run.ledger.everySteps = evidence.ledger.start.everySteps
    return try Trainer(
      configuration: run, topology: topology, kernels: kernels, training: data.training, test: data.test,
      initialWeights: checkpoint == nil ? initialWeights : nil, resuming: checkpoint)
  }

  private func replay(_ segment: Segment, _ summary: inout VerificationSummary) throws {
    let file = try CheckpointFolder(path: evidence.path).file(step: segment.first)
    let trainer = try trainer(from: segment.startsAtCheckpoint ? Checkpoint.open(file) : nil)
    if segment.first > 0, let recorded = evidence.ledger.entries[segment.first - 1].weights {
      guard trainer.weightsTreeDigest() == recorded else {
        throw UserError(.badData, file, "holds other weights than \(Ledger.fileName) names after step \(segment.first)")
      }
      summary.weightsCompared += 1
    }
    trainer.options.lastStep = segment.last
    var counts = (weights: 0, metrics: 0)
    _ = try trainer.run(stop: StopFlag()) { event in
      switch event {
      case .ledger(let entry): counts.weights += try compare(entry)
      case .step(let record, progress: false):
        counts.metrics += try compare(MetricsKey(isEpoch: false, step: record.step), MetricsValues(record))
      case .epoch(let record):
        counts.metrics += try compare(
          MetricsKey(isEpoch: true, step: record.means.step), MetricsValues(record.means, epoch: record))
      case .started, .step, .checkpoint, .stalled: break
      }
    }
    try compareEnd(of: segment, trainer)
    summary.weightsCompared += counts.weights
    summary.metricsCompared += counts.metrics
    summary.replayed.append(segment)
  }

  /// Returns how many digests of weights were compared.
  private func compare(_ entry: LedgerEntry) throws(UserError) -> Int {
    let recorded = evidence.ledger.entries[entry.step - 1]
    let differences: [(String, Bool)] = [
      ("examples of the batch", recorded.batch != entry.batch), ("loss", recorded.loss != entry.loss),
      ("weights after it", recorded.weights != entry.weights),
    ]
    let names = differences.filter(\.1).map(\.0)
    guard names.isEmpty else {
      throw UserError(
        .badData, "\(evidence.path)/\(Ledger.fileName)",
        "step \(entry.step) is not as recorded: other \(names.joined(separator: ", ")) when it is computed again")
    }
    return entry.weights == nil ? 0 : 1
  }

  /// Returns how many lines were compared.
  private func compare(_ key: MetricsKey, _ values: MetricsValues) throws(UserError) -> Int {
    let line = "the \(key.isEpoch ? "epoch's" : "interval's") line of step \(key.step)"
    guard let recorded = evidence.metrics[key] else {
      throw UserError(.badData, "\(evidence.path)/metrics.jsonl", "lacks \(line)")
    }
    for (name, value) in values.numbers.sorted(by: { $0.key < $1.key }) where recorded.numbers[name] != value {
      throw UserError(
        .badData, "\(evidence.path)/metrics.jsonl",
        "\(line) has \(name) \(recorded.numbers[name].map(\.description) ?? "null"), but the replay \(value)")
    }
    return 1
  }

  private func compareEnd(of segment: Segment, _ trainer: Trainer) throws {
    if segment.endsAtCheckpoint {
      let file = try CheckpointFolder(path: evidence.path).file(step: segment.last)
      let checkpoint = try Checkpoint.read(file)
      var tensors = [("", checkpoint.parameters, trainer.trainedWeights())]
      for slot in trainer.state() {
        tensors.append((" (\(slot.slot.name))", checkpoint.tensors(of: slot.slot), slot.tensors))
      }
      for (what, stored, replayed) in tensors {
        try requireSame(stored, replayed, what, file, "after step \(segment.last)")
      }
    }
    let weights = "\(evidence.path)/weights.safetensors"
    guard segment.last == evidence.steps, try FilePlace(path: weights).exists() else { return }
    try requireSame(
      try Safetensors.read(ByteInput(path: weights)).tensors, trainer.weights(), "", weights, "at the end")
  }

  private func requireSame(
    _ stored: [NamedTensor], _ replayed: [NamedTensor], _ what: String, _ file: String, _ place: String
  ) throws(UserError) {
    for tensor in replayed {
      let found = stored.first { $0.name == tensor.name }
      let isSame = found.map {
        $0.shape == tensor.shape && $0.values.elementsEqual(tensor.values) { $0.bitPattern == $1.bitPattern }
      }
      guard isSame != true else { continue }
      throw UserError(.badData, file, "\(tensor.name)\(what) is not as the replay has it \(place)")
    }
  }
}

/// What a verification has shown.
package struct VerificationSummary: Sendable, Hashable {
  package var path: String
  package var steps: Int
  /// The ledger's last link.
  package var head: SHA256Digest
  package var numericsVersion: Int
  package var kernels: String
  /// Files whose digests are those of the receipt; empty without a receipt.
  package var files: [String]
  package var segments: [RunVerification.Segment]
  package var replayed: [RunVerification.Segment] = []
  /// Whether every step was replayed.
  package var isAll = false
  package var weightsCompared = 0
  package var metricsCompared = 0
  /// What could not be proven, and why.
  package var remarks: [String] = []

  init(_ evidence: RunEvidence, segments: [RunVerification.Segment], kernels: String) {
    path = evidence.path
    steps = evidence.steps
    head = evidence.ledger.head
    numericsVersion = evidence.ledger.start.numericsVersion
    self.kernels = kernels
    files = evidence.receipt?.files.keys.sorted() ?? []
    self.segments = segments
    if evidence.receipt == nil {
      remarks.append("there is no \(Receipt.fileName), so that no file's digest was compared")
    }
    if evidence.checkpoints.isEmpty {
      remarks.append("there is no checkpoint, so that the run is one part; checkpoint.keep_last keeps more of them")
    }
  }

  package var stepsReplayed: Int { replayed.reduce(0) { $0 + $1.steps } }

  /// The probability that none of as many parts, drawn at random, holds a false step, if a share of all steps is false.
  ///
  /// For the least favourable case, in which the false steps fill the longest parts.
  package func probabilityOfMissing(_ share: Double) -> Double {
    guard stepsReplayed < steps else { return 0 }
    var (missing, falseParts) = (share * Double(steps), 0)
    for length in segments.map(\.steps).sorted(by: >) where missing > 0 {
      missing -= Double(length)
      falseParts += 1
    }
    var probability = 1.0
    for drawn in 0..<replayed.count {
      probability *= Double(max(0, segments.count - falseParts - drawn)) / Double(segments.count - drawn)
    }
    return probability
  }
}

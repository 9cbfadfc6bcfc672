import Configuration
import Diagnostics
import Foundation
import KernelInterface
import Machine
import Measuring
import Reporting
import Storage
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// The ledger of a small residual net with everything that a run can keep: norms, dropout, augmentation, AdamW, an average.
@Suite struct RecipeLedgerTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func configuration(_ overrides: [(String, String)] = []) throws -> RunConfiguration {
    try ConfigurationReader.read(
      text: """
        { model: { input: [6, 6, 3], layers: [
            { type: 'conv2d', filters: 6, kernel_size: 3, padding: 'same', use_bias: false }, { type: 'batch_norm' },
            { type: 'relu' },
            { type: 'residual', activation: 'relu',
              layers: [{ type: 'conv2d', filters: 9, kernel_size: 3, strides: 2, padding: 'same', use_bias: false },
                { type: 'batch_norm', virtual_batch_size: 4 }, { type: 'relu' },
                { type: 'depthwise_conv2d', kernel_size: 3, padding: 'same' }, { type: 'batch_norm' }],
              shortcut: [{ type: 'conv2d', filters: 9, kernel_size: 1, strides: 2 }, { type: 'batch_norm' }] },
            { type: 'global_avg_pool2d' }, { type: 'dropout', rate: 0.2 }, { type: 'dense', units: 3 },
            { type: 'softmax' } ] },
          data: { format: 'synthetic', examples: 50, test_examples: 12, classes: 3, mean: 'auto', std: 'auto',
            augment: { horizontal_flip: 0.5, random_crop: { padding: 1 }, mixup: 0.2 } },
          training: { epochs: 3, batch_size: 34, clip_norm: 0.5, label_smoothing: 0.1, evaluate_every_epochs: 2,
            optimizer: { type: 'adamw', lr: 0.01, weight_decay_norm: 0 }, ema: { decay: 0.8 },
            lr_schedule: { type: 'constant', warmup_epochs: 1 } },
          runtime: { workers: 2, shard_size: 2, placement: { policy: 'none' } },
          checkpoint: { every_epochs: 1, keep_last: 100 }, ledger: { every_steps: 1 }, logging: { every_steps: 1 } }
        """, file: "recipe.json",
      overrides: overrides.map { ConfigurationOverride(path: $0.0, text: $0.1, origin: $0.0) })
  }

  /// The run in `name` from where it left off, to its end or for one step.
  private func train(
    _ name: String, _ written: RunConfiguration, kernels: KernelTable = testKernels, topology: Topology? = nil,
    isStopped: Bool = false
  ) throws {
    let point = try RunDirectory.unfinishedRun(in: folder.file(name))
    let data = try written.loadData()
    let run = written.measured(on: data.training)
    let trainer = try Trainer(
      configuration: run, topology: try topology ?? .read(), kernels: kernels, training: data.training,
      test: data.test, initialWeights: nil, resuming: point?.checkpoint)
    let directory = try RunDirectory(
      path: folder.file(name), configuration: run, resuming: point, ledger: trainer.ledgerStart)
    let stop = StopFlag()
    if isStopped { stop.request() }
    let summary = try trainer.run(stop: stop) { try directory.record($0) }
    try directory.finish(weights: trainer.weights(), summary: summary)
    #expect(directory.notes == [])
  }

  private func ledger(_ name: String) throws -> String { try folder.text("\(name)/ledger.jsonl") }

  private func verify(
    _ name: String, kernels: KernelTable = testKernels, workers: Int = 2
  ) throws -> VerificationSummary {
    let evidence = try RunEvidence(
      folder.file(name),
      overrides: [ConfigurationOverride(path: "runtime.workers", text: "\(workers)", origin: "runtime.workers")])
    var generator = SystemRandomNumberGenerator()
    return try RunVerification(evidence, topology: try .read(), kernels: kernels).run(segments: nil, using: &generator)
  }

  @Test("any workers, nodes and kernels have the same ledger, byte for byte")
  func sameLedger() throws {
    try train("one", try configuration([("runtime.workers", "1")]))
    let expected = try ledger("one")
    #expect(try LedgerRecord.read(folder.file("one/ledger.jsonl")).entries.count == 6)
    for workers in [2, 3, 5, 17] {
      try train("workers\(workers)", try configuration([("runtime.workers", "\(workers)")]))
      #expect(try ledger("workers\(workers)") == expected, "\(workers) workers")
    }
    for kernels in runnableKernels {
      try train(kernels.name, try configuration([("runtime.workers", "3")]), kernels: kernels)
      #expect(try ledger(kernels.name) == expected, "\(kernels.name)")
    }
    let nodes = [("runtime.workers", "5"), ("runtime.placement.policy", "close")]
    try train("nodes", try configuration(nodes), topology: .virtual(nodes: 3, cores: 2))
    #expect(try ledger("nodes") == expected)
  }

  @Test("a run that is stopped after every step, by other workers each time, has the same ledger, and is proven")
  func inParts() throws {
    try train("whole", try configuration())
    for step in 0..<6 {
      let workers = [1, 2, 3, 5, 17, 1][step]
      try train("parts", try configuration([("runtime.workers", "\(workers)")]), isStopped: true)
    }
    #expect(try ledger("parts") == ledger("whole"))
    let (parts, whole) = (
      try Receipt.read(folder.file("parts/receipt.json")), try Receipt.read(folder.file("whole/receipt.json"))
    )
    #expect(parts.head == whole.head && parts.finalWeights == whole.finalWeights && parts.metrics == whole.metrics)
    for kernels in runnableKernels {
      for workers in [1, 2, 3, 5] {
        let summary = try verify("parts", kernels: kernels, workers: workers)
        #expect(summary.isAll && summary.stepsReplayed == 6 && summary.remarks == [])
        // The last step, which ends an epoch, has a checkpoint; six parts, five of which begin with one.
        #expect(summary.weightsCompared == 6 + 5 && summary.metricsCompared == 6 + 3)
      }
    }
  }

  @Test("the end of a run that stopped early is proven, too")
  func early() throws {
    let rules = [
      ("training.stop_at.metric", "loss"), ("training.stop_at.value", "100"), ("training.max_seconds", "1000"),
    ]
    try train("early", try configuration(rules))
    let summary = try verify("early")
    #expect(summary.steps == 2 && summary.isAll, "after one epoch")
  }

  /// A checkpoint as a forger would write it: whole, with its own digests.
  private func forge(_ file: String, _ slot: StateSlot?, _ tensor: String) throws {
    let old = try Checkpoint.read(file)
    try #require(old.parameters.contains { $0.name == tensor })
    func changed(_ tensors: [NamedTensor]) -> [NamedTensor] {
      tensors.map { old in
        guard old.name == tensor else { return old }
        var values = old.values
        values[values.count / 2] = Float(bitPattern: values[values.count / 2].bitPattern ^ 1)
        return NamedTensor(name: old.name, shape: old.shape, values: values)
      }
    }
    let state = old.state.map { $0.slot == slot ? SlotTensors(slot: $0.slot, tensors: changed($0.tensors)) : $0 }
    let forged = Checkpoint(
      step: old.step, parameters: slot == nil ? changed(old.parameters) : old.parameters, state: state,
      configuration: old.configuration, dataFingerprint: old.dataFingerprint, progress: old.progress,
      initialWeights: old.initialWeights)
    try forged.write(to: file)
  }

  @Test("one bit of a weight, a running statistic, a mean of Adam or the average in a checkpoint is found")
  func forgedCheckpoints() throws {
    // In parts of one step, so that no checkpoint is left out because the one before is still being written.
    for _ in 0..<6 { try train("run", try configuration(), isStopped: true) }
    let file = folder.file("run/\(Checkpoint.fileName(step: 4))")
    let bytes = try contents(ofFile: file)
    let slots = try Checkpoint.read(file).state.map(\.slot)
    #expect(slots.count == 3, "two means of Adam and the average")
    let tensors = [
      "conv2d_1.weight", "batch_norm_1.running_mean", "residual_1/batch_norm_1.running_var", "dense_1.bias",
    ]
    for slot in [nil] + slots.map(Optional.some) {
      for tensor in tensors where slot?.isOfTrained != true || !tensor.contains("running") {
        try forge(file, slot, tensor)
        let error = #expect(throws: UserError.self, "\(tensor), \(slot?.name ?? "weights")") { try verify("run") }
        #expect(error?.category == .badData)
        _ = try folder.write(bytes, to: "run/\(Checkpoint.fileName(step: 4))")
      }
    }
    #expect(try verify("run").isAll, "all changes were undone")
  }

  @Test(
    "a changed key of a recipe is found without a replay",
    arguments: [
      ("\"rate\": 0.2", "\"rate\": 0.3"), ("\"decay\": 0.8", "\"decay\": 0.9"), ("\"mixup\": 0.2", "\"mixup\": 0.3"),
      ("\"clip_norm\": 0.5", "\"clip_norm\": 0.6"), ("\"warmup_epochs\": 1", "\"warmup_epochs\": 2"),
      ("\"label_smoothing\": 0.1", "\"label_smoothing\": 0.2"), ("\"type\": \"adamw\"", "\"type\": \"adam\""),
    ])
  func changedKey(old: String, new: String) throws {
    try train("run", try configuration())
    let text = try folder.text("run/config.json")
    try #require(text.contains(old), "\(text)")
    _ = try folder.write(text.replacingOccurrences(of: old, with: new), to: "run/config.json")
    for withReceipt in [true, false] {
      if !withReceipt { try FileManager.default.removeItem(atPath: folder.file("run/receipt.json")) }
      let error = #expect(throws: UserError.self) { try RunEvidence(folder.file("run")) }
      #expect(error?.subject == folder.file("run/config.json"))
    }
  }
}

import Collectives
import Configuration
import Diagnostics
import Network
import Runs
import TestSupport
import Testing

@testable import Training

/// Everything that a run may have, over ranks: the same bits, decisions and files.
@Suite("Runs over ranks")
struct RankRecipeTests {
  static let recipes: [[ConfigurationOverride]] = [
    [
      .set("training.optimizer", #"{"type": "adamw", "lr": 0.01, "weight_decay_norm": 0}"#),
      .set("training.lr_schedule", #"{"type": "cosine", "warmup_epochs": 1}"#), .set("training.clip_norm", "0.5"),
      .set("training.label_smoothing", "0.1"), .set("training.ema", #"{"decay": 0.75, "every_steps": 2}"#),
      .set("training.evaluate_every_epochs", "3"), .set("model.layers[3].lr_scale", "0.5"),
      .set("ledger.every_steps", "1"),
    ],
    [
      .set("training.optimizer", #"{"type": "lars", "lr": 2, "trust_coefficient": 0.01, "weight_decay": 0.001}"#),
      .set("training.lr_schedule", #"{"type": "multi_step", "milestones": [1, 3]}"#),
      .set("training.ema", #"{"decay": 0.5}"#), .set("model.layers[0].trainable", "false"),
    ],
    [
      .set("training.lr_schedule", #"{"type": "plateau", "patience": 0, "threshold": 0.5, "factor": 0.5}"#),
      .set("training.early_stopping", #"{"monitor": "accuracy", "patience": 2}"#), .set("training.epochs", "9"),
      .set("ledger.every_steps", "2"), .set("runtime.audit_every_steps", "1"),
    ],
    [
      .set(
        "data.augment",
        """
        { "random_crop": { "padding": 2 }, "horizontal_flip": 0.5, "random_erasing": 0.5, "mixup": 0.5, "cutmix": 1,
          "color_jitter": { "brightness": 0.4, "contrast": 0.4 } }
        """), .set("training.label_smoothing", "0.1"), .set("training.test_time_augmentation", "flip"),
    ],
    [
      .set(
        "model.layers",
        """
        [{ "type": "conv2d", "filters": 40, "kernel_size": 3, "padding": "same" }, { "type": "batch_norm" },
          { "type": "relu" }, { "type": "residual", "repeat": 2, "activation": "relu", "layers": [
            { "type": "conv2d", "filters": 40, "kernel_size": 3, "padding": "same" },
            { "type": "batch_norm", "virtual_batch_size": 6 }, { "type": "relu" },
            { "type": "conv2d", "filters": 40, "kernel_size": 3, "padding": "same" }, { "type": "batch_norm" }] },
          { "type": "dropout", "rate": 0.2 }, { "type": "flatten" }, { "type": "dense", "units": 12 },
          { "type": "batch_norm" }, { "type": "softmax" }]
        """), .set("training.ema", #"{"decay": 0.5}"#), .set("training.clip_norm", "1"),
      .set("data.augment.horizontal_flip", "0.5"), .set("ledger.every_steps", "1"),
      .set("training.optimizer", #"{"type": "lars", "lr": 2, "trust_coefficient": 0.01, "weight_decay": 0.001}"#),
    ],
    wide + [
      .set("training.optimizer", #"{"type": "adamw", "lr": 0.01}"#), .set("training.clip_norm", "0.5"),
      .set("ledger.every_steps", "5"),
    ],
    wide + [.set("training.ema", #"{"decay": 0.5}"#), .set("runtime.audit_every_steps", "2")],
    wide + [.set("runtime.audit_every_steps", "3"), .set("training.lr_schedule", #"{"type": "cosine"}"#)],
  ]

  /// A dense layer that is exchanged behind computing, with what needs all weights at once after some steps, and nothing else.
  static let wide: [ConfigurationOverride] = [
    .set(
      "model.layers",
      """
      [{ "type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same" }, { "type": "relu" },
        { "type": "flatten" }, { "type": "dense", "units": 96 }, { "type": "relu" }, { "type": "dense", "units": 10 },
        { "type": "softmax" }]
      """)
  ]

  static func run(_ recipe: [ConfigurationOverride], workers: Int) throws -> ResumeRun {
    try ResumeRun(recipe + [.set("runtime.workers", "\(workers)"), .set("checkpoint.every_steps", "4")])
  }

  @Test("have the same numbers, ledger and checkpoints as a process that is alone", arguments: recipes.indices)
  func ranks(index: Int) throws {
    let recipe = Self.recipes[index]
    let expected = try Self.run(recipe, workers: 1).run()
    for (ranks, workers) in [(1, 1), (2, 1), (2, 3), (3, 2), (5, 1), (7, 2)] {
      let name: Comment = "\(ranks) ranks of \(workers) workers"
      let runs = try withRanks(ranks, seed: UInt64(ranks)) { try Self.run(recipe, workers: workers).run(job: $0) }
        .map { try $0.get() }
      for (rank, run) in runs.enumerated() {
        #expect(run.summary.weightsDigest == expected.summary.weightsDigest, name)
        #expect(run.summary.steps == expected.summary.steps && run.summary.loss == expected.summary.loss)
        #expect(run.trace.records == expected.trace.records, name)
        #expect(run.trace.validation == expected.trace.validation, name)
        // Rank 0 alone keeps what a run leaves behind.
        #expect(run.trace.ledger == (rank == 0 ? expected.trace.ledger : []), name)
        let last = run.trace.checkpoints.last
        #expect(rank > 0 ? run.trace.checkpoints.isEmpty : last?.step == expected.summary.steps, name)
        guard rank == 0, let last, let same = expected.trace.checkpoints.last else { continue }
        #expect(last.parameters == same.parameters && last.state == same.state, name)
      }
    }
  }

  @Test("checkpoints lead to the same end on any number of ranks", arguments: recipes.indices)
  func checkpoints(index: Int) throws {
    let recipe = Self.recipes[index]
    let folder = try TemporaryFolder()
    let whole = try Self.run(recipe, workers: 1).run()
    var checkpoint: Checkpoint?
    var records: [StepRecord] = []
    for (part, ranks) in [4, 1, 3, 7, 2].enumerated() {
      let from = checkpoint
      let isLast = part == 4
      let runs = try withRanks(ranks, seed: UInt64(part)) { job in
        var run = try Self.run(recipe, workers: 1 + part % 3)
        run.checkpoint = job.rank == 0 ? from : nil
        let stop = StopFlag()
        // One rank, not always the first, asks for the end of the part.
        if !isLast, job.rank == part % ranks { stop.request() }
        return try run.run(stop: stop, job: job)
      }.map { try $0.get() }
      records += runs[0].trace.records
      for run in runs {
        #expect(run.summary.steps == (isLast ? whole.summary.steps : part + 1) && run.summary.interrupted == !isLast)
      }
      guard !isLast else {
        #expect(runs[0].summary.weightsDigest == whole.summary.weightsDigest)
        break
      }
      let file = folder.file("checkpoint")
      try #require(runs[0].trace.checkpoints.last).write(to: file)
      checkpoint = part % 2 == 0 ? try Checkpoint.open(file) : try Checkpoint.read(file)
    }
    #expect(records == whole.trace.records)
  }

  @Test("any rank's requests are met on all after the same step", arguments: 0..<3)
  func requests(asking: Int) throws {
    let runs = try withRanks(3, seed: UInt64(asking)) { job in
      let run = try ResumeRun([.set("training.epochs", "5000"), .set("logging.every_steps", "1")])
      let stop = StopFlag()
      return try run.run(stop: stop, job: job) { event in
        guard job.rank == asking, case .step(let record, progress: false) = event else { return }
        if record.step == 3 { stop.requestCheckpoint() }
        // Many steps later: the thread that calls this looks every 20 ms.
        if record.step == 2000 { stop.request() }
      }
    }.map { try $0.get() }
    #expect(Set(runs.map(\.summary.steps)).count == 1 && runs.allSatisfy(\.summary.interrupted))
    #expect(Set(runs.map(\.summary.weightsDigest)).count == 1)
    let steps = runs[0].trace.checkpoints.map(\.step)
    #expect(steps.count >= 2 && steps.last == runs[0].summary.steps, "\(steps)")
    #expect(runs.dropFirst().allSatisfy { $0.trace.checkpoints.isEmpty })
  }

  @Test("a rank that falls silent is named with the step")
  func silence() throws {
    let results = withRanks(3, timeoutSeconds: 0.5) { job in
      let trainer = try ResumeRun().trainer(job)
      if job.rank != 1 { _ = try trainer.run(stop: StopFlag()) { _ in } }
    }
    for rank in [0, 2] {
      #expect {
        try results[rank].get()
      } throws: { error in
        let error = error as? UserError
        return error?.category == .systemRefused && error?.subject == "step 1"
          && error?.message == "rank 1 on host1 has not answered for 0.5 s"
      }
    }
  }

  @Test("ranks that would compute other numbers are refused before they start, with both values")
  func mismatch() throws {
    func refusals(_ override: ConfigurationOverride) -> [CommonFailure?] {
      withRanks(3) { job in
        _ = try ResumeRun(job.rank == 2 ? [override] : []).trainer(job)
      }.map { result in
        do { try result.get() } catch { return error as? CommonFailure }
        return nil
      }
    }
    for error in refusals(.set("training.batch_size", "17")) {
      #expect(error?.code == 78)
      let text = "training.batch_size: is 17 for rank 2 on host2, but 16 for rank 0 on host0"
      #expect(error?.description.contains(text) == true, "\(error?.description ?? "no error")")
    }
    for key in ["training.epochs", "seed", "ledger.every_steps"] {
      for error in refusals(.set(key, "5")) { #expect(error?.description.contains(key) == true) }
    }
    #expect(refusals(.set("logging.every_steps", "7")) == [nil, nil, nil])
    #expect(refusals(.set("runtime.workers", "1")) == [nil, nil, nil])
  }

  @Test("a rank whose weights differ is found by the ledger's digests", arguments: [1, 1000])
  func corruption(every steps: Int) throws {
    let norms: [ConfigurationOverride] = [
      .set(
        "model.layers",
        """
        [{ "type": "batch_norm" }, { "type": "flatten" }, { "type": "dense", "units": 4 }, { "type": "softmax" }]
        """), .set("ledger.every_steps", "\(steps)"), .set("logging.every_steps", "1"),
    ]
    let results = withRanks(3) { job in
      let trainer = try ResumeRun(norms).trainer(job)
      _ = try trainer.run(stop: StopFlag()) { event in
        guard job.rank == 1, case .step(_, progress: false) = event else { return }
        // A running statistic, which every rank computes for itself.
        trainer.session.shared.weights[trainer.plan.memory.trainedFloats] += 1
      }
    }
    for result in results {
      let error = #expect(throws: UserError.self) { try result.get() }
      #expect(error?.category == .internalFailure && error?.subject.hasPrefix("step ") == true)
      #expect(error?.message.contains("rank 1 on host1") == true && error?.message.contains("other weights") == true)
    }
  }

  @Test("a loss that is not finite ends all ranks alike")
  func divergence() throws {
    @Sendable func run() throws -> ResumeRun { try ResumeRun([.set("training.optimizer.lr", "1e30")]) }
    let alone = #expect(throws: UserError.self) { try run().run() }
    for result in withRanks(3, { job in _ = try run().run(job: job) }) {
      let error = #expect(throws: UserError.self) { try result.get() }
      #expect(error?.category == .diverged && error?.subject == alone?.subject && error?.message == alone?.message)
    }
  }
}

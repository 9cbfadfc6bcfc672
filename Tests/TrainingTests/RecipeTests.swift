import Configuration
import Datasets
import Machine
import Network
import Runs
import Storage
import TestSupport
import Testing

@testable import Training

/// Averages of the weights, schedules, ends of runs and layers that are not trained: with the same bits for any number of
/// workers and any interruption.
@Suite struct RecipeTests {
  /// Everything that a recipe can have, on the small net of `ResumeRun`, 3 steps to an epoch.
  private static let everything: [ConfigurationOverride] = [
    .set("training.optimizer", #"{"type": "adamw", "lr": 0.01, "weight_decay_norm": 0}"#),
    .set("training.lr_schedule", #"{"type": "cosine", "warmup_epochs": 1}"#), .set("training.clip_norm", "0.5"),
    .set("training.label_smoothing", "0.1"), .set("training.ema", #"{"decay": 0.75, "every_steps": 2}"#),
    .set("training.evaluate_every_epochs", "3"), .set("model.layers[3].lr_scale", "0.5"),
  ]
  private static let lars: [ConfigurationOverride] = [
    .set("training.optimizer", #"{"type": "lars", "lr": 2, "trust_coefficient": 0.01, "weight_decay": 0.001}"#),
    .set("training.lr_schedule", #"{"type": "multi_step", "milestones": [1, 3]}"#),
    .set("training.ema", #"{"decay": 0.5}"#), .set("model.layers[0].trainable", "false"),
  ]
  private static let plateau: [ConfigurationOverride] = [
    .set("training.lr_schedule", #"{"type": "plateau", "patience": 0, "threshold": 0.5, "factor": 0.5}"#),
    .set("training.early_stopping", #"{"monitor": "accuracy", "patience": 50}"#),
  ]

  private static let images: [ConfigurationOverride] = [
    .set(
      "data.augment",
      """
      { "random_crop": { "padding": 2 }, "horizontal_flip": 0.5, "random_erasing": 0.5, "mixup": 0.5, "cutmix": 1,
        "color_jitter": { "brightness": 0.4, "contrast": 0.4 } }
      """), .set("training.label_smoothing", "0.1"), .set("training.test_time_augmentation", "flip"),
  ]

  @Test("any number of workers and nodes", arguments: [everything, lars, plateau, images])
  func workers(recipe: [ConfigurationOverride]) throws {
    let expected = try ResumeRun(recipe + [.set("runtime.workers", "1")]).run()
    for workers in [2, 3, 5, 17] {
      let actual = try ResumeRun(recipe + [.set("runtime.workers", "\(workers)")]).run()
      #expect(actual.summary.weightsDigest == expected.summary.weightsDigest, "\(workers) workers")
      #expect(actual.trace.records == expected.trace.records && actual.trace.validation == expected.trace.validation)
    }
    for nodes in [2, 3] {
      var run = try ResumeRun(recipe + [.set("runtime.workers", "\(2 * nodes)")])
      run.configuration.runtime.policy = .scatter
      run.topology = .virtual(nodes: nodes, cores: 2)
      let actual = try run.run()
      #expect(actual.summary.weightsDigest == expected.summary.weightsDigest, "\(nodes) nodes")
      #expect(actual.trace.validation == expected.trace.validation)
    }
  }

  @Test("a run stopped after every step", arguments: [everything, lars, plateau, images])
  func stops(recipe: [ConfigurationOverride]) throws {
    let folder = try TemporaryFolder()
    let whole = try ResumeRun(recipe).run()
    var run = try ResumeRun(recipe)
    var records: [StepRecord] = []
    var validation: [Double?] = []
    for step in 1...12 {
      run.configuration.runtime.workers = .count(step % 4 + 1)
      let stop = StopFlag()
      stop.request()
      let part = try run.run(stop: stop)
      records += part.trace.records
      validation += part.trace.validation
      #expect(part.summary.steps == step)
      guard step < 12 else {
        #expect(part.summary.weightsDigest == whole.summary.weightsDigest)
        #expect(part.summary.validationLoss == whole.summary.validationLoss)
        continue
      }
      let file = folder.file("checkpoint")
      try #require(part.trace.checkpoints.last).write(to: file)
      run.checkpoint = step % 2 == 0 ? try Checkpoint.open(file) : try Checkpoint.read(file)
    }
    #expect(records == whole.trace.records && validation == whole.trace.validation)
  }

  @Test("the average is that of the weights after its steps, and is evaluated and exported")
  func average() throws {
    let (decay, every): (Float, Int) = (0.75, 2)
    var run = try ResumeRun([.set("training.ema", #"{"decay": 0.75, "every_steps": 2}"#)])
    let plain = try ResumeRun().run()
    var expected = try run.trainer().weights().map(\.values)
    for step in 1...12 {
      let stop = StopFlag()
      stop.request()
      let part = try run.run(stop: stop)
      let checkpoint = try #require(part.trace.checkpoints.last)
      let weights = checkpoint.parameters.map(\.values)
      if step % every == 0 {
        expected = zip(expected, weights).map { mean, new in
          step == every ? new : zip(mean, new).map { $0.addingProduct(1 - decay, $1 - $0) }
        }
      }
      #expect(checkpoint.tensors(of: .average).map(\.values) == expected, "step \(step)")
      run.checkpoint = checkpoint
      if step == 12 {
        // What is trained does not depend on it.
        #expect(checkpoint.weightsDigest == plain.summary.weightsDigest)
        #expect(part.summary.weightsDigest == WeightsDigest.of(checkpoint.tensors(of: .average)))
        let data = try run.configuration.loadData()
        let end = try Predictor(
          configuration: run.configuration, topology: try Topology.read(), kernels: testKernels,
          weights: checkpoint.tensors(of: .average)
        ).evaluate(try #require(data.test))
        #expect(end.loss == part.summary.validationLoss && end.accuracy == part.summary.validationAccuracy)
        #expect(end.loss != plain.summary.validationLoss)
        // A checkpoint as weights gives the average.
        let folder = try TemporaryFolder()
        let file = folder.file("checkpoint")
        try checkpoint.write(to: file)
        let read = try WeightsFile(file, for: run.trainer().plan.network.parameters)
        #expect(read.tensors == checkpoint.tensors(of: .average) && read.isChecked)
      }
    }
  }

  @Test("a limit of steps, also inside an epoch")
  func maxSteps() throws {
    let whole = try ResumeRun([.set("checkpoint.every_steps", "1")]).run()
    for limit in [1, 3, 4, 11, 12, 100] {
      var run = try ResumeRun([.set("training.max_steps", "\(limit)"), .set("checkpoint.every_epochs", "1")])
      let end = try run.run()
      let steps = min(limit, 12)
      #expect(end.summary.steps == steps && end.summary.totalSteps == steps && !end.summary.interrupted)
      let last = try #require(end.trace.checkpoints.last)
      #expect(last.step == steps && last.isFinished)
      if let same = whole.trace.checkpoints.first(where: { $0.step == steps }) {
        #expect(last.parameters == same.parameters)
      }
      // The weights that it ends with are evaluated.
      #expect(end.summary.validationLoss != nil)
      guard steps < 12 else { continue }
      run.checkpoint = last
      run.configuration.training.maxSteps = nil
      try last.requireSameNumbers(as: run.configuration, file: "c")
      let rest = try run.run()
      #expect(rest.summary.weightsDigest == whole.summary.weightsDigest)
      #expect(end.trace.records + rest.trace.records == whole.trace.records)
    }
  }

  @Test("a limit of time ends a run once")
  func maxSeconds() throws {
    var run = try ResumeRun([.set("training.max_seconds", "1e-6"), .set("training.epochs", "1000")])
    run.configuration.checkpoint.everyEpochs = 1
    let end = try run.run()
    #expect(end.summary.steps == 1 && !end.summary.interrupted && end.summary.validationLoss != nil)
    let last = try #require(end.trace.checkpoints.last)
    #expect(last.isFinished)
    run.checkpoint = last
    #expect(try run.run().summary.steps == 1)
  }

  @Test("a value that is reached, or no longer gets better, ends a run")
  func ends() throws {
    let whole = try ResumeRun([.set("training.epochs", "8"), .set("checkpoint.every_epochs", "1")]).run()
    var ends: [(rule: [ConfigurationOverride], epochs: Int)] = []
    let losses = whole.trace.validation.compactMap { $0 }
    #expect(losses.count == 8)
    let third = losses[2]
    ends.append(
      (
        [.set("training.stop_at", #"{"metric": "val_loss", "value": \#(third)}"#)],
        try #require(losses.firstIndex { $0 <= third }) + 1
      ))
    ends.append(([.set("training.stop_at", #"{"metric": "accuracy", "value": 0}"#)], 1))
    ends.append(([.set("training.early_stopping", #"{"patience": 2, "min_delta": 1e6}"#)], 3))
    for (rule, epochs) in ends {
      var run = try ResumeRun(rule + [.set("training.epochs", "8"), .set("checkpoint.every_epochs", "1")])
      let end = try run.run()
      #expect(end.summary.epochs == epochs && end.summary.steps == 3 * epochs && !end.summary.interrupted)
      #expect(end.trace.validation.compactMap { $0 } == Array(losses.prefix(epochs)))
      let last = try #require(end.trace.checkpoints.last)
      #expect(last.step == 3 * epochs && last.isFinished)
      run.checkpoint = last
      let again = try run.run()
      #expect(again.summary.steps == 3 * epochs && again.trace.records.isEmpty)
      // Without the rule it goes on as if it had not ended.
      (run.configuration.training.stopAt, run.configuration.training.earlyStopping) = (nil, nil)
      try last.requireSameNumbers(as: run.configuration, file: "c")
      #expect(try run.run().summary.weightsDigest == whole.summary.weightsDigest)
    }
  }

  @Test("rules about a test set need one")
  func metricsThatAreNotThere() throws {
    for (rule, subject) in [
      (#"{"early_stopping": {}}"#, "training.early_stopping.monitor"),
      (#"{"stop_at": {"metric": "val_accuracy", "value": 1}}"#, "training.stop_at.metric"),
      (#"{"lr_schedule": {"type": "plateau"}}"#, "training.lr_schedule.monitor"),
    ] {
      let run = try ResumeRun([.set("data.test_examples", "0"), .set("training", rule)])
      let error = userError { _ = try run.trainer() }
      #expect(error?.category == .badConfiguration && error?.subject == subject)
    }
    let run = try ResumeRun([.set("training.stop_at", #"{"metric": "val_top5_accuracy", "value": 1}"#)])
    #expect(userError { _ = try run.trainer() }?.message.contains("4 classes") == true)
  }

  @Test("the test set is evaluated every few epochs and at the end")
  func evaluations() throws {
    let every = try ResumeRun([.set("training.epochs", "8")]).run()
    let some = try ResumeRun([.set("training.epochs", "8"), .set("training.evaluate_every_epochs", "3")]).run()
    #expect(some.summary.weightsDigest == every.summary.weightsDigest)
    #expect(some.trace.records == every.trace.records)
    let evaluated = zip(every.trace.validation, some.trace.records).enumerated()
      .filter { every.trace.validation[$0.offset] != nil }.map(\.offset)
    #expect(evaluated.count == 8)
    for (epoch, line) in evaluated.enumerated() {
      let isDue = [2, 5, 7].contains(epoch)
      #expect(some.trace.validation[line] == (isDue ? every.trace.validation[line] : nil), "epoch \(epoch)")
    }
  }

  @Test("hits among the five likeliest classes")
  func topFive() throws {
    let data = try TestData.firstDigits(200, test: true)
    let run = TestRun(TestNetworks.digits).with { $0.epochs = 1 }
    let trainer = try run.trainer(data)
    var found: Double?
    _ = try trainer.run(stop: StopFlag()) { if case .epoch(let epoch) = $0 { found = epoch.validationTopFive } }
    let test = try #require(data.test)
    var (hits, first) = (0, 0)
    let predictor = try Predictor(
      configuration: run.configuration, topology: try machine(), kernels: testKernels, weights: trainer.weights())
    try predictor.predict(test) { index, row in
      let order = row.indices.sorted { (row[$0], -$0) > (row[$1], -$1) }
      if order.prefix(5).contains(Int(test.labels[index])) { hits += 1 }
      if order[0] == Int(test.labels[index]) { first += 1 }
    }
    #expect(found == Double(hits) / Double(test.count) && hits > first && hits < test.count)
    #expect(try predictor.evaluate(test).report?.topFiveAccuracy == found)
  }

  @Test("a layer that is not trained stays as it is, its running statistics too", arguments: [1, 3])
  func frozen(workers: Int) throws {
    let run = TestRun(TestNetworks.frozen).with {
      ($0.workers, $0.batchSize, $0.weightDecay) = (workers, 12, 0.01)
    }
    let data = try TestData.synthetic(run.model, 60, classes: 4)
    let trainer = try run.trainer(data)
    let before = trainer.weights()
    let checkpoint = try Checkpoint.last(of: trainer)
    for (start, end) in zip(before, trainer.weights()) {
      let layer = try #require(run.model.layers.first { start.name.hasPrefix("\($0.name).") })
      #expect((start.values == end.values) == !layer.isTrainable, "\(start.name)")
    }
    // No state is kept for what is not trained.
    let trained = run.model.layers.filter(\.isTrainable).map(\.name)
    let names = checkpoint.tensors(of: .momentum).map(\.name)
    #expect(!names.isEmpty && names.allSatisfy { name in trained.contains { name.hasPrefix("\($0).") } })
    #expect(try run.with { $0.workers = 5 }.digest(data) == WeightsDigest.of(trainer.weights()))
  }

  @Test("a rate of 0 is no training, but for running statistics")
  func rateOfZero() throws {
    var model = TestNetworks.meeting[2]
    for index in model.layers.indices { model.layers[index].rateScale = model.layers[index].name == "conv2d_1" ? 1 : 0 }
    let trainer = try TestRun(model).with { ($0.batchSize, $0.weightDecay) = (12, 0.01) }
      .trainer(try .synthetic(model, 60, classes: 3))
    let before = trainer.weights()
    _ = try trainer.run(stop: StopFlag()) { _ in }
    for (start, end) in zip(before, trainer.weights()) {
      let moves = start.name.hasPrefix("conv2d_1.") || start.name.contains("running")
      #expect((start.values != end.values) == moves, "\(start.name)")
    }
  }
}

extension Checkpoint {
  /// The one at the end of a run.
  fileprivate static func last(of trainer: Trainer) throws -> Checkpoint {
    let stop = StopFlag()
    stop.requestCheckpoint()
    var last: Checkpoint?
    _ = try trainer.run(stop: stop) { if case .checkpoint(let checkpoint) = $0 { last = checkpoint } }
    return try #require(last)
  }
}

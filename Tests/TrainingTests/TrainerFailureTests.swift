import Collectives
import Datasets
import Diagnostics
import Network
import TestSupport
import Testing

@testable import Training

/// Runs that do not reach their end: failing observers and workers, divergence, requests to stop.
@Suite("Runs that end early")
struct TrainerFailureTests {
  struct Mishap: Error, Equatable { var worker = 0 }

  // MARK: Failures

  @Test("an observer's error ends the run and reaches the caller", arguments: [1, 2, 5])
  func observerFails(workers: Int) throws {
    let data = try TestData.firstDigits(130)
    var events = 0
    // A thousand epochs: only the error ends it in time.
    let trainer = try TestRun(TestNetworks.digits).with {
      $0.epochs = 1000; $0.workers = workers
    }.trainer(data)
    #expect(throws: Mishap(worker: 7)) {
      try trainer.run(stop: StopFlag()) { event in
        events += 1
        if case .step(let step, _) = event, step.step >= 3 { throw Mishap(worker: 7) }
      }
    }
    #expect(events >= 2)
    #expect(throws: Mishap()) {
      try TestRun(smallModel).train(.synthetic(smallModel, 5, classes: 3)) { _ in throw Mishap() }
    }
  }

  @Test("a worker that fails in any phase frees the others; its error is the one reported", arguments: 0..<9)
  func workerFails(meetings: Int) throws {
    let data = try TestData.firstDigits(130)
    let run = TestRun(TestNetworks.digits).with {
      $0.epochs = 1000; $0.workers = 4
    }
    let plan = try RunPlan(
      run.configuration, topology: try machine(), kernels: testKernels, exampleCount: data.train.count)
    let loop = TrainingLoop(
      session: try Session(plan, start: .random(), orderedExamples: data.train.count),
      data: try TrainingData(training: data.train, test: nil, plan), channel: RunChannel(stop: StopFlag()))
    #expect(throws: Mishap(worker: 2)) {
      try loop.session.group.run { context in
        // Worker 2 takes part in some meetings and then gives up, wherever the others are.
        guard context.index == 2 else { return try loop.run(context) }
        let worker = try Worker(context, loop.session)
        for _ in 0..<meetings { try context.barrier.wait() }
        _ = consume worker
        throw Mishap(worker: 2)
      }
    }
  }

  @Test("divergence names the step and its rate", arguments: [1e3, 1e9, 1e20, 1e38], [1, 3])
  func diverges(rate: Double, workers: Int) throws {
    let data = try TestData.firstDigits(200)
    let trainer = try TestRun(TestNetworks.digits).with {
      $0.learningRate = rate
      $0.workers = workers
      $0.epochs = 50
    }.trainer(data)
    var finite = 0
    let error = userError {
      _ = try trainer.run(stop: StopFlag()) { event in
        if case .step(let step, progress: false) = event, step.loss.isFinite { finite += 1 }
      }
    }
    guard let error else {
      let weights = trainer.weights().flatMap(\.values)
      Issue.record("no divergence; \(weights.count { !$0.isFinite }) of \(weights.count) weights are not finite")
      return
    }
    #expect(error.category == .diverged)
    #expect(error.subject == "step \(finite + 1)", "\(error)")
    // Whichever is seen first: the loss, or a weight.
    #expect(error.message.contains("lr \(rate)"), "\(error)")
    #expect(!error.message.contains("nan"), "a NaN has no sign: \(error)")
  }

  /// What the post's `z * (z > 0)` does: a weight that is not a number shows in the loss instead of vanishing in a ReLU.
  @Test("weights that are not numbers are divergence too", arguments: TestNetworks.all.map(\.name))
  func notANumber(name: String) throws {
    let model = try #require(TestNetworks.all.first { $0.name == name }).model
    let data = try TestData.synthetic(model, 20, classes: 3)
    let weights = try TestRun(model).trainer(data).weights()
    for index in weights.indices where !weights[index].name.hasSuffix("bias") {
      var damaged = weights
      damaged[index].values = damaged[index].values.map { _ in .nan }
      let error = userError { try TestRun(model).with { $0.initialWeights = damaged }.train(data) }
      #expect(error?.category == .diverged, "\(damaged[index].name)")
    }
  }

  // MARK: Stopping

  @Test("a request before the start ends the run after its first step", arguments: [1, 3])
  func stopsAtOnce(workers: Int) throws {
    let data = try TestData.firstDigits(130)
    let run = TestRun(TestNetworks.digits).with {
      $0.workers = workers; $0.shuffle = false
    }
    let stop = StopFlag()
    stop.request()
    var epochs = 0
    let trainer = try run.trainer(data)
    let summary = try trainer.run(stop: stop) { if case .epoch = $0 { epochs += 1 } }
    #expect(summary.steps == 1)
    #expect(summary.interrupted)
    #expect(summary.epochs == 0)
    #expect(epochs == 0)
    #expect(summary.loss.isFinite && summary.loss > 0)
    // The step it did is a whole one: training on the first batch alone ends with the same weights.
    let first = try run.with { $0.epochs = 1 }.train(.firstDigits(50))
    #expect(summary.weightsDigest == first.weightsDigest)
    #expect(!first.interrupted)
  }

  @Test("a request on the way ends the run after the step it is in")
  func stopsOnTheWay() throws {
    let data = try TestData.firstDigits(130, test: true)
    let stop = StopFlag()
    var last = 0
    let summary = try TestRun(TestNetworks.digits).with {
      $0.epochs = 100_000; $0.workers = 3
    }.trainer(data)
      .run(stop: stop) { event in
        if case .step(let step, progress: false) = event {
          #expect(step.step == last + 1)
          last = step.step
          if step.step == 4 { stop.request() }
        }
      }
    #expect(summary.interrupted)
    #expect(summary.steps >= 4)
    #expect(summary.steps == last)
    #expect(summary.epochs == summary.steps / 3)
  }

  @Test("a request in the last step interrupts nothing")
  func stopsAtTheEnd() throws {
    let stop = StopFlag()
    stop.request()
    let summary = try TestRun(smallModel).with { $0.epochs = 1 }.trainer(
      .synthetic(smallModel, 10, classes: 3, tests: 4)
    )
    .run(stop: stop) { _ in }
    #expect(summary.steps == 1)
    #expect(summary.epochs == 1)
    #expect(!summary.interrupted)
    #expect(summary.validationLoss != nil)
  }
}

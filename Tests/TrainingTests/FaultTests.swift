import Diagnostics
import Machine
import Synchronization
import TestSupport
import Testing

@testable import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Runs on failing hardware and hopeless settings.
@Suite struct FaultTests {
  @Test(arguments: [1, 2, 4])
  func aRunThatDivergesNamesStepLayersAndTheLastGoodCheckpoint(workers: Int) throws {
    var states: [Checkpoint] = []
    let run = try ResumeRun([
      .set("training.optimizer.lr", "1e30"), .set("checkpoint.every_steps", "1"), .set("training.epochs", "50"),
      .set("runtime.workers", "\(workers)"),
    ])
    let error = userError { _ = try run.run { if case .checkpoint(let state) = $0 { states.append(state) } } }
    #expect(error?.category == .diverged)
    #expect(error?.subject.hasPrefix("step ") == true)
    let hint: String = error?.hint ?? ""
    #expect(
      hint.contains(states.last.map { Checkpoint.fileName(step: $0.step) } ?? "there is no checkpoint"), "\(hint)")
    for state in states {
      #expect((state.parameters + state.velocity).allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }
  }

  /// A number that is lost in one weight is found there within sixteen steps, whatever the loss says.
  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func aWeightThatIsNotFiniteIsFoundInItsLayer(value: Float) throws {
    var run = try ResumeRun([.set("training.epochs", "50"), .set("training.optimizer.lr", "0")])
    let data = try run.configuration.loadData()
    let trainer = try run.trainer()
    var weights = trainer.weights()
    // A dense weight behind a unit that the ReLU cuts off would not reach the loss; the check does not depend on it.
    weights[2].values[3] = value
    run.configuration.checkpoint.everyEpochs = 0
    let broken = try Trainer(
      configuration: run.configuration, topology: try Topology.read(), training: data.training, test: data.test,
      initialWeights: weights)
    let error = userError { _ = try broken.run(stop: StopFlag()) { _ in } }
    #expect(error?.category == .diverged)
    #expect(error?.description.contains("dense_1.weight") == true || error?.description.contains("no layer") == true)
  }

  @Test func aStuckWorkerIsNamed() throws {
    let trainer = try ResumeRun([.set("runtime.workers", "3")]).trainer()
    trainer.watchdogSeconds = 0.2
    let isStuck = Atomic<Bool>(true)
    trainer.onPhase = { phase, step, worker in
      guard worker == 1, step == 4, phase == .computing else { return }
      while isStuck.load(ordering: .acquiring) { usleep(1000) }
    }
    var found: [StalledWorker] = []
    let summary = try trainer.run(stop: StopFlag()) { event in
      guard case .stalled(let worker) = event else { return }
      found.append(worker)
      isStuck.store(false, ordering: .releasing)
    }
    #expect(summary.steps == 12)
    let worker = try #require(found.first)
    #expect(worker.worker == 1 && worker.phase == .computing && worker.step == 5 && worker.cpu == nil)
    #expect(worker.seconds >= 0.2 && worker.seconds < 10)
  }

  @Test func memoryThatDoesNotFitIsRefusedWithTheSum() throws {
    let run = try ResumeRun([.set("runtime.workers", "3")])
    let plan = try RunPlan(run.configuration, topology: try Topology.read(), exampleCount: 45)
    let needs = MemoryNeeds(plan)
    try needs.requireFits(nil)
    try needs.requireFits(AvailableMemory(bytes: needs.totalBytes, source: "x"))
    let error = userError {
      try needs.requireFits(AvailableMemory(bytes: needs.totalBytes - 1, source: "memory.max of control group /box"))
    }
    #expect(error?.category == .systemRefused)
    #expect(error?.message.contains("3 workers × (") == true)
    #expect(error?.message.contains("memory.max of control group /box") == true)
  }

  @Test func aHopelessRunIsRefusedBeforeItTakesMemory() throws {
    // 2^20 × 1024 weights per worker and more: no machine of today has it.
    let run = try ResumeRun([
      .set("model.layers[3].units", "1048576"), .set("model.layers[0].filters", "65536"),
    ])
    let error = userError { _ = try run.trainer() }
    #expect(error?.category == .systemRefused)
    #expect(error?.message.contains("the run needs") == true, "\(error.map(String.init(describing:)) ?? "accepted")")
  }
}

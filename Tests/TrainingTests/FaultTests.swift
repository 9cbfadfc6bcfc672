import Configuration
import Diagnostics
import Machine
import Network
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Runs
@testable import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Runs on failing hardware and hopeless settings.
@Suite struct FaultTests {
  @Test("a run that diverges names step, layers and the last good checkpoint", arguments: [1, 2, 4])
  func aRunThatDivergesNamesStepLayersAndTheLastGoodCheckpoint(workers: Int) throws {
    var states: [Checkpoint] = []
    let run = try ResumeRun([
      .set("training.optimizer.lr", "1e30"), .set("checkpoint.every_steps", "1"), .set("training.epochs", "50"),
      .set("runtime.workers", "\(workers)"),
    ])
    let error = userError { _ = try run.run { if case .checkpoint(let state) = $0 { states.append(state) } } }
    #expect(error?.category == .diverged)
    #expect(error?.subject.hasPrefix("step ") == true)
    let hint = error?.hint ?? ""
    #expect(
      hint.contains(states.last.map { Checkpoint.fileName(step: $0.step) } ?? "there is no checkpoint"), "\(hint)")
    for state in states {
      #expect((state.parameters + state.tensors(of: .momentum)).allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }
  }

  /// A weight that is no longer finite is found there within sixteen steps, whatever the loss says.
  @Test("a weight that is not finite is found in its layer", arguments: [Float.nan, .infinity, -.infinity])
  func aWeightThatIsNotFiniteIsFoundInItsLayer(value: Float) throws {
    var run = try ResumeRun([.set("training.epochs", "50"), .set("training.optimizer.lr", "0")])
    let data = try run.configuration.loadData()
    let trainer = try run.trainer()
    var weights = trainer.weights()
    // A dense weight after a unit that the ReLU cuts off would not reach the loss; the check does not depend on it.
    weights[2].values[3] = value
    run.configuration.checkpoint.everyEpochs = 0
    let broken = try Trainer(
      configuration: run.configuration, topology: try Topology.read(), kernels: testKernels, training: data.training,
      test: data.test, initialWeights: weights)
    let error = userError { _ = try broken.run(stop: StopFlag()) { _ in } }
    #expect(error?.category == .diverged)
    #expect(error?.description.contains("dense_1.weight") == true || error?.description.contains("no layer") == true)
  }

  /// The loss stays finite while the gradient of the first layer overflows after two layers of large weights.
  @Test("a gradient that overflows stops the run in its step", arguments: [1, 3])
  func aGradientThatOverflowsStopsTheRunInItsStep(workers: Int) throws {
    let configuration = try ConfigurationReader.read(
      text: """
        { model: { input: [2, 2, 1], layers: [ { type: 'flatten' }, { type: 'dense', units: 4 },
          { type: 'dense', units: 4 }, { type: 'dense', units: 3 }, { type: 'softmax' } ] },
          data: { format: 'synthetic', examples: 12, test_examples: 0, classes: 3, scale: 1e-32 },
          training: { epochs: 4, batch_size: 4 }, checkpoint: { every_epochs: 0 },
          runtime: { workers: \(workers), shard_size: 1, placement: { policy: 'none' } } }
        """, file: "steep.json")
    let data = try configuration.loadData()
    func trainer(_ weights: [NamedTensor]?) throws -> Trainer {
      try Trainer(
        configuration: configuration, topology: try Topology.read(), kernels: testKernels, training: data.training,
        test: nil, initialWeights: weights)
    }
    var weights = try trainer(nil).weights()
    for index in weights.indices where weights[index].name.hasSuffix("weight") {
      let scale: Float = weights[index].name == "dense_1.weight" ? 1 : 1e20
      weights[index].values = weights[index].values.indices.map { $0 % 3 == 0 ? scale : -scale / 2 }
    }
    var losses: [Double] = []
    let error = userError {
      _ = try trainer(weights).run(stop: StopFlag()) { if case .step(let step, _) = $0 { losses.append(step.loss) } }
    }
    #expect(error?.category == .diverged && error?.subject == "step 1")
    #expect(error?.message.hasPrefix("the gradient of dense_1.weight is not a finite number (lr 0.05)") == true)
    #expect(error?.message.hasSuffix("; not finite: dense_1.weight, dense_1.bias") == true, "\(error?.message ?? "")")
    #expect(error?.hint?.hasSuffix("; there is no checkpoint") == true)
    #expect(losses.allSatisfy { $0.isFinite })
  }

  @Test("a stuck worker is named")
  func aStuckWorkerIsNamed() throws {
    let trainer = try ResumeRun([.set("runtime.workers", "3")]).trainer()
    trainer.options.watchdogSeconds = 0.2
    let isStuck = Atomic<Bool>(true)
    trainer.options.onPhase = { phase, step, worker in
      guard worker == 1, step == 4, phase == .computing else { return }
      while isStuck.load(ordering: .acquiring) { usleep(1000) }
    }
    var found: [StalledWorker] = []
    let summary = try trainer.run(stop: StopFlag()) { event in
      guard case .stalled(let worker) = event else { return }
      // On a busy machine others that wait for a CPU may be named first; this one waits until it is named.
      guard worker.worker == 1, worker.step == 5 else { return }
      found.append(worker)
      isStuck.store(false, ordering: .releasing)
    }
    #expect(summary.steps == 12)
    let worker = try #require(found.first)
    #expect(worker.phase == .computing && worker.cpu == nil && worker.seconds >= 0.2)
  }

  /// A request during the evaluation waits for its end and for a whole step; what follows is as if nothing had happened.
  @Test("a request during the evaluation loses nothing", arguments: [1, 3])
  func aRequestDuringTheEvaluationLosesNothing(workers: Int) throws {
    let whole = try ResumeRun([.set("runtime.workers", "1")]).run()
    var run = try ResumeRun([.set("runtime.workers", "\(workers)")])
    let trainer = try run.trainer()
    let stop = StopFlag()
    trainer.options.onPhase = { phase, step, _ in if phase == .evaluating, step == 5 { stop.request() } }
    var first = RunTrace()
    let summary = try trainer.run(stop: stop) { first.add($0) }
    #expect(summary.interrupted && summary.steps == 7)
    let last = try #require(first.checkpoints.last)
    run.checkpoint = last
    let rest = try run.run()
    #expect(rest.summary.weightsDigest == whole.summary.weightsDigest)
    #expect(first.records + rest.trace.records == whole.trace.records)
    #expect(first.validation + rest.trace.validation == whole.trace.validation)
  }

  @Test("memory that does not fit is refused with the sum")
  func memoryThatDoesNotFitIsRefusedWithTheSum() throws {
    let run = try ResumeRun([.set("runtime.workers", "3")])
    let plan = try RunPlan(run.configuration, topology: try Topology.read(), kernels: testKernels, exampleCount: 45)
    let needs = plan.memory
    try plan.requireMemory(nil)
    try plan.requireMemory(AvailableMemory(bytes: needs.totalBytes, source: "x"))
    let error = userError {
      try plan.requireMemory(AvailableMemory(bytes: needs.totalBytes - 1, source: "memory.max of control group /box"))
    }
    #expect(error?.category == .systemRefused)
    #expect(error?.message.contains("3 workers × (") == true)
    #expect(error?.message.contains("memory.max of control group /box") == true)
  }

  /// All images of a worker's share lie in memory where layers meet, so a smaller batch needs less.
  @Test("a batch that does not fit is refused with the largest that does")
  func aBatchThatDoesNotFitIsRefusedWithTheLargestThatDoes() throws {
    func plan(_ batchSize: Int) throws -> RunPlan {
      let run = TestRun(TestNetworks.meeting[0]).with {
        $0.batchSize = batchSize; $0.shardSize = 4; $0.workers = 1
      }
      return try RunPlan(run.configuration, topology: machine(), kernels: testKernels, exampleCount: 200)
    }
    for fitting in [4, 24, 60] {
      let available = AvailableMemory(bytes: try plan(fitting).memory.totalBytes + 100, source: "a test")
      try plan(fitting).requireMemory(available)
      let error = userError { try plan(64).requireMemory(available) }
      #expect(error?.category == .systemRefused)
      #expect(error?.hint?.hasPrefix("the largest training.batch_size that fits is \(fitting); or use ") == true)
    }
    let nothing = AvailableMemory(bytes: try plan(4).memory.totalBytes - 1, source: "a test")
    #expect(
      userError { try plan(64).requireMemory(nothing) }?.hint
        == "use a smaller runtime.workers, runtime.shard_size or network")
  }

  /// Outputs lie in blocks of 32 and channels in sixteens; a map that a pool reads may be kept for one image alone.
  @Test("a model's least memory counts padding")
  func aModelsLeastMemoryCountsWhatIsPadded() throws {
    func error(_ model: ModelSpecification, shardSize: Int = 1, gibibytes: Int) -> UserError? {
      userError {
        try RunMemory.requireFits(
          ModelGraph(model), shardSize: shardSize, stateSlots: [.momentum],
          AvailableMemory(bytes: gibibytes << 30, source: "x"))
      }
    }
    let head: [LayerKind] = [.flatten, .dense(units: 3), .softmax]
    // 3 × 4 bytes × 600² × 256 × 32 are 33 GiB; of one filter, 1 GiB.
    let kernel = ModelSpecification(
      input: ImageShape(height: 1, width: 1, channels: 256),
      layers: TestNetworks.named([TestNetworks.conv(1, 600)] + head))
    #expect(error(kernel, gibibytes: 32)?.message.contains("3 × 11251 MiB weights") == true)
    #expect(error(kernel, gibibytes: 34) == nil)
    // 1024² pixels in 16 channels are 64 MiB; 32 images of them 2 GiB.
    func map(_ kinds: [LayerKind]) -> ModelSpecification {
      ModelSpecification(
        input: ImageShape(height: 1024, width: 1024, channels: 1),
        layers: TestNetworks.named([TestNetworks.conv(1, 3)] + kinds))
    }
    #expect(error(map(head), shardSize: 32, gibibytes: 2)?.message.contains("2177 MiB feature maps") == true)
    #expect(error(map([.relu] + head), shardSize: 32, gibibytes: 2)?.message.contains("2177 MiB feature maps") == true)
    #expect(error(map([.relu, .relu] + head), shardSize: 32, gibibytes: 4)?.message.contains("4225 MiB") == true)
    #expect(error(map([.maxPool2d(ties: .all)] + head), shardSize: 32, gibibytes: 1) == nil)
  }

  @Test("a hopeless run is refused before it takes memory")
  func aHopelessRunIsRefusedBeforeItTakesMemory() throws {
    // 2^20 × 1024 weights per worker and more: no machine of today has it.
    let run = try ResumeRun([
      .set("model.layers[3].units", "1048576"), .set("model.layers[0].filters", "65536"),
    ])
    let error = userError { _ = try run.trainer() }
    #expect(error?.category == .systemRefused)
    #expect(
      error?.message.hasPrefix("a worker needs more than ") == true,
      "\(error.map(String.init(describing:)) ?? "accepted")")
  }
}

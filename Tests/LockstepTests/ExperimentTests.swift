import Lockstep
import Synchronization
import TestSupport
import Testing

/// The library as a program uses it.
@Suite struct ExperimentTests {
  private static let net = Model(
    input: ImageSize(8, 8, 1),
    layers: [
      .conv2d(filters: 4, kernelSize: 3, padding: .same, activation: .relu), .maxPool2d(), .flatten(),
      .dense(units: 10), .softmax(),
    ])

  private static func experiment(
    epochs: Int = 2, workers: RuntimeSettings.Workers = 2, data: DataSettings = .digits, seed: Int = 1
  ) throws -> Experiment {
    try Experiment(
      seed: seed, model: net, data: data, training: TrainingSettings(epochs: epochs, batchSize: 64),
      runtime: RuntimeSettings(workers: workers), logging: LoggingSettings(everySteps: 1))
  }

  /// What the callback was told, in its order.
  private final class Events: Sendable {
    private let list = Mutex<[TrainingEvent]>([])
    func add(_ event: TrainingEvent) { list.withLock { $0.append(event) } }
    var all: [TrainingEvent] { list.withLock { $0 } }
  }

  @Test("the callback is told the plan, every step and epoch, and the checkpoints")
  func theCallbackIsToldWhatHappens() async throws {
    let events = Events()
    let result = try await Self.experiment().train { events.add($0) }
    var (steps, epochs, checkpoints): ([Int], [Int], [Int]) = ([], [], [])
    for event in events.all {
      switch event {
      case .step(let metrics): steps.append(metrics.step)
      case .epoch(let metrics):
        epochs.append(metrics.training.epoch)
        #expect(metrics.valAccuracy != nil && metrics.valLoss != nil)
      case .checkpoint(let state): checkpoints.append(state.step)
      case .started, .progress, .warning: break
      }
    }
    guard case .started(let plan)? = events.all.first else { return #expect(Bool(false), "no plan") }
    #expect(plan.trainingExamples == 1437 && plan.testExamples == 360 && plan.parameterCount == 690)
    #expect(plan.workers == 2 && plan.stepsPerEpoch == 23 && plan.memoryBytes > 0)
    #expect(steps == Array(1...46) && epochs == [1, 2] && checkpoints == [23, 46])
    #expect(result.isComplete && result.steps == 46 && result.epochs == 2 && result.checkpoint?.step == 46)
    #expect(
      result.weights.tensors.map(\.name) == ["conv2d_1.weight", "conv2d_1.bias", "dense_1.weight", "dense_1.bias"])
    #expect((result.valAccuracy ?? 0) > 0.5)
  }

  @Test("a cancelled run goes on to the same weights, on any number of workers, through a file, too")
  func aCancelledRunGoesOnToTheSameWeights() async throws {
    // More steps than the reporting thread can be behind.
    let epochs = 60
    let whole = try await Self.experiment(epochs: epochs).train()
    let task = Mutex<Task<TrainingResult, any Error>?>(nil)
    let started = try Self.experiment(epochs: epochs)
    let running = Task {
      try await started.train { event in
        guard case .step(let metrics) = event, metrics.step == 5 else { return }
        while task.withLock({ $0 == nil }) {}
        task.withLock { $0?.cancel() }
      }
    }
    task.withLock { $0 = running }
    let part = try await running.value
    #expect(!part.isComplete && part.steps >= 5 && part.steps < 60 * 23)
    let state = try #require(part.checkpoint)
    #expect(state.step == part.steps && state.weights.digest == part.weights.digest)
    let folder = try TemporaryFolder()
    try state.save(to: folder.file("state.safetensors"))
    let again = try Checkpoint(contentsOf: folder.file("state.safetensors"))
    for (state, workers) in [(state, 1), (again, 3)] {
      let rest = try await Self.experiment(epochs: epochs, workers: .count(workers)).train(from: .checkpoint(state))
      #expect(rest.isComplete && rest.weights.digest == whole.weights.digest)
    }
    await #expect(throws: LockstepError.self) {
      _ = try await Self.experiment(epochs: epochs, seed: 2).train(from: .checkpoint(state))
    }
  }

  @Test("a task that is cancelled before it trains still returns")
  func aTaskThatIsCancelledBeforeReturns() async throws {
    let experiment = try Self.experiment()
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await experiment.train()
    }
    task.cancel()
    let result = try await task.value
    #expect(!result.isComplete && result.steps <= 1 && result.checkpoint != nil)
  }

  @Test("examples in memory are trained on as those in files, bytes and floats alike")
  func examplesInMemoryAreTrainedOn() async throws {
    let size = ImageSize(8, 8, 1)
    let bytes = (0..<40 * 64).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 64) }
    let labels = (0..<40).map { $0 % 10 }
    let names = (0..<10).map { "class \($0)" }
    let folder = try TemporaryFolder()
    let images = try folder.write(idx([40, 8, 8], bytes), to: "images")
    let files = IDXFiles(images: images, labels: try folder.write(idx([40], labels.map { UInt8($0) }), to: "labels"))
    let inMemory = try LabeledImages(Images(size: size, pixels: bytes), labels: labels, classNames: names)
    let floats = try LabeledImages(Images(size: size, pixels: bytes.map { Float($0) }), labels: labels)
    var digests: Set<String> = []
    for data in [
      DataSettings.idx(train: files, test: files), .memory(train: inMemory, test: inMemory), .memory(train: floats),
    ] {
      var data = data
      (data.mean, data.std) = (.auto, .auto)
      let experiment = try Self.experiment(data: data)
      let result = try await experiment.train()
      digests.insert(result.weights.digest)
      let evaluation = try await experiment.evaluate(result.weights, on: inMemory)
      let predictions = try await experiment.predict(inMemory.images, weights: result.weights)
      #expect(
        predictions.map(\.classIndex).enumerated().count { $0.element == labels[$0.offset] }
          == Int((evaluation.accuracy * 40).rounded()))
      #expect(evaluation.classes.map(\.examples) == [Int](repeating: 4, count: 10))
    }
    #expect(digests.count == 1)
    let named = try Self.experiment(data: .memory(train: inMemory, test: inMemory))
    let result = try await named.train()
    #expect(result.weights.classNames == names)
    #expect(try await named.evaluate(result.weights).classes.map(\.name) == names)
    #expect(try await named.predict(inMemory.images, weights: result.weights)[0].className?.hasPrefix("class ") == true)
  }

  @Test("weights go through files, and nothing is replaced without a word")
  func weightsGoThroughFiles() async throws {
    let (experiment, folder) = (try Self.experiment(epochs: 1), try TemporaryFolder())
    let weights = try await experiment.train().weights
    let file = folder.file("w.safetensors")
    try weights.save(to: file)
    let error = #expect(throws: LockstepError.self) { try weights.save(to: file) }
    #expect(error?.category == .usage && error?.subject == file)
    try weights.save(to: file, overwrite: true)
    let loaded = try experiment.loadWeights(from: file)
    #expect(loaded == weights && loaded.digest == weights.digest)
    let same = try await (experiment.evaluate(loaded), experiment.evaluate(weights))
    #expect(same.0 == same.1 && same.0.examples == 360)
    for (format, name) in [(Experiment.ExportFormat.onnx(), "n.onnx"), (.pytorch, "p"), (.keras, "k")] {
      try experiment.export(weights, to: folder.file(name), format: format)
      #expect(folder.exists(name))
      #expect(throws: LockstepError.self) { try experiment.export(weights, to: folder.file(name), format: format) }
    }
  }

  @Test("weights of another net, broken ones, and images of another size are refused")
  func whatDoesNotFitIsRefused() async throws {
    let experiment = try Self.experiment(epochs: 1)
    let weights = try await experiment.train().weights
    var (other, broken, infinite) = (weights, weights, weights)
    other.tensors.removeLast()
    broken.tensors[0].values.removeLast()
    infinite.tensors[1].values[0] = .infinity
    for wrong in [other, broken, infinite] {
      await #expect { _ = try await experiment.evaluate(wrong) } throws: {
        ($0 as? LockstepError)?.category == .badData
      }
      await #expect { _ = try await experiment.train(from: .weights(wrong)) } throws: {
        ($0 as? LockstepError)?.category == .badData
      }
      #expect { try experiment.export(wrong, to: "/nonexistent/x") } throws: {
        ($0 as? LockstepError)?.category == .badData
      }
    }
    let small = try Images(size: ImageSize(4, 4, 1), pixels: [UInt8](repeating: 0, count: 16))
    await #expect(throws: LockstepError.self) { _ = try await experiment.predict(small, weights: weights) }
    #expect(throws: LockstepError.self) {
      _ = try Images(size: ImageSize(4, 4, 1), pixels: [UInt8](repeating: 0, count: 17))
    }
    #expect(throws: LockstepError.self) { _ = try Images(size: ImageSize(1, 1, 1), pixels: [Float.nan]) }
    #expect(throws: LockstepError.self) { _ = try LabeledImages(small, labels: [0, 1]) }
    #expect(throws: LockstepError.self) { _ = try LabeledImages(small, labels: [-1]) }
    await #expect { _ = try await Self.experiment(data: .imageFolder(train: "/nonexistent")).train() } throws: {
      ($0 as? LockstepError)?.category == .inputMissing
    }
  }

  @Test("every build of the kernels gives the same weights")
  func everyBuildGivesTheSameWeights() async throws {
    var digests: Set<String> = []
    for kernels in [nil, RuntimeSettings.Kernels.portable] {
      var runtime = RuntimeSettings(workers: 1)
      runtime.kernels = kernels
      var training = TrainingSettings(epochs: 1, batchSize: 64)
      training.maxSteps = 2
      let experiment = try Experiment(model: Self.net, training: training, runtime: runtime)
      digests.insert(try await experiment.train().weights.digest)
    }
    #expect(digests.count == 1)
  }
}

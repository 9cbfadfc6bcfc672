import Collectives
import Configuration
import Datasets
import Machine
import Runs
import TestSupport

@testable import Training

/// What a run published that does not depend on time.
struct RunTrace: Equatable {
  var records: [StepRecord] = []
  var validation: [Double?] = []
  var checkpoints: [Checkpoint] = []
  var ledger: [LedgerEntry] = []

  mutating func add(_ event: TrainingEvent) {
    switch event {
    case .step(let record, progress: false): add(record, nil)
    case .epoch(let record): add(record.means, record.validationLoss)
    case .checkpoint(let checkpoint): checkpoints.append(checkpoint)
    case .ledger(let entry): ledger.append(entry)
    case .started, .step, .stalled: break
    }
  }

  private mutating func add(_ record: StepRecord, _ validationLoss: Double?) {
    var timeless = record
    (timeless.imagesPerSecond, timeless.stepMilliseconds) = (0, 0)
    (timeless.reduceMilliseconds, timeless.barrierMilliseconds) = (0, 0)
    (timeless.meetingsMilliseconds, timeless.exchangeMilliseconds) = (0, 0)
    timeless.elapsedSeconds = 0
    records.append(timeless)
    validation.append(validationLoss)
  }
}

/// Small runs that are interrupted and continued: 45 examples in batches of 16, the last of them ragged.
struct ResumeRun {
  var configuration: RunConfiguration
  var checkpoint: Checkpoint?
  /// The machine to plan for; `nil` is this one.
  var topology: Topology?

  init(_ overrides: [ConfigurationOverride] = []) throws {
    let text = """
      { name: 'small', model: { input: [6, 5, 2], layers: [
        { type: 'conv2d', filters: 5, kernel_size: 3 }, { type: 'relu' }, { type: 'flatten' },
        { type: 'dense', units: 4 }, { type: 'softmax' } ] },
        data: { format: 'synthetic', examples: 45, test_examples: 20, classes: 4 },
        training: { epochs: 4, batch_size: 16 }, runtime: { workers: 2, shard_size: 3, placement: { policy: 'none' } },
        checkpoint: { every_epochs: 0 }, logging: { every_steps: 2 } }
      """
    configuration = try ConfigurationReader.read(text: text, file: "small.json", overrides: overrides)
  }

  func trainer(_ job: Job? = nil) throws -> Trainer {
    let data = try configuration.loadData()
    return try Trainer(
      configuration: configuration, topology: try topology ?? Topology.read(), kernels: testKernels,
      training: data.training,
      test: data.test, initialWeights: nil, resuming: checkpoint, job: job)
  }

  func run(
    stop: StopFlag = StopFlag(), job: Job? = nil, _ observer: (TrainingEvent) throws -> Void = { _ in }
  ) throws -> (summary: TrainingSummary, trace: RunTrace) {
    var trace = RunTrace()
    let summary = try trainer(job).run(stop: stop) { event in
      trace.add(event)
      try observer(event)
    }
    return (summary, trace)
  }
}

import Configuration
import Datasets
import KernelInterface
import Machine
import Runs
import Storage
import Training

/// What a training run would do and take, known from its plan and from a few of its steps, without writing a file.
package struct DryRun: Sendable {
  package let description: RunDescription
  /// Bytes of the decoded images and labels, once.
  package let dataBytes: Int
  /// Steps that the estimate is made of: full ones of the run itself, after the first.
  package let measuredSteps: Int
  package let stepMilliseconds: Double
  package let imagesPerSecond: Double
  /// Steps and evaluations that are left.
  package let steps: Int
  package let evaluations: Int
  package let seconds: Double
  /// Whether a rule of the configuration may end the run before that.
  package let mayEndEarlier: Bool

  /// Steps are measured for so long, and at least so many.
  private static let measuredSeconds = 2.0
  private static let fewestSteps = 2
  /// A forward pass is one of a training step's three passes: the products of gradients are those of the layer, twice.
  private static let evaluationShare = 1.0 / 3

  /// Builds what the run needs, trains a few steps, and forgets them; the arguments are those of `Trainer`.
  ///
  /// - Throws: as `Trainer` and its run, `.diverged` too.
  package init(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, training: ImageDataset,
    test: ImageDataset?, initialWeights: [NamedTensor]?, weightsSource: String, resuming checkpoint: Checkpoint?
  ) throws {
    // Every step is reported, and nothing is handed out that a run would write.
    var run = configuration
    run.logging.everySteps = 1
    run.ledger.everySteps = 0
    run.checkpoint = CheckpointConfiguration(everyEpochs: 0)
    let trainer = try Trainer(
      configuration: run, topology: topology, kernels: kernels, training: training, test: test,
      initialWeights: initialWeights, weightsSource: weightsSource, resuming: checkpoint)
    description = trainer.description
    let sets = [training] + (test.map { [$0] } ?? [])
    dataBytes = sets.reduce(0) { $0 + $1.memory.reduce(0) { $0 + $1.count } }

    let (first, batch, total) = (description.firstStep, description.batchSize, trainer.plan.totalSteps)
    // The first step prepares memory, and the last of an epoch may be smaller.
    trainer.options.lastStep = min(total, first + description.stepsPerEpoch)
    let stop = StopFlag()
    var times: [Double] = []
    _ = try trainer.run(stop: stop) { event in
      guard case .step(let record, progress: false) = event, record.step > first + 1 else { return }
      times.append(record.stepMilliseconds)
      if times.count >= Self.fewestSteps, times.reduce(0, +) * 1e-3 >= Self.measuredSeconds { stop.request() }
    }
    measuredSteps = times.count
    stepMilliseconds = times.isEmpty ? 0 : median(times)
    imagesPerSecond = stepMilliseconds > 0 ? Double(batch) / (stepMilliseconds * 1e-3) : 0

    steps = total - first
    let epochs = (total - 1) / description.stepsPerEpoch + 1 - first / description.stepsPerEpoch
    evaluations = description.testExamples == 0 ? 0 : (epochs - 1) / run.training.evaluateEveryEpochs + 1
    let passes = run.training.testTimeAugmentation == .flip ? 2 : 1
    let evaluated = Double(passes * evaluations * description.testExamples) / Double(batch) * Self.evaluationShare
    let whole = (Double(steps) + evaluated) * stepMilliseconds * 1e-3
    let training = configuration.training
    seconds = min(whole, training.maxSeconds ?? .infinity)
    mayEndEarlier = training.earlyStopping != nil || training.stopAt != nil
  }
}

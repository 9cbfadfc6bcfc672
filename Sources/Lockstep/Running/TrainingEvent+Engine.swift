internal import Diagnostics
internal import Runs
internal import Training

extension TrainingEvent {
  /// What the engine tells; `nil` for its ledger, which a library run does not have.
  init?(_ event: Training.TrainingEvent) {
    switch event {
    case .started(let run): self = .started(TrainingPlan(run))
    case .step(let record, progress: let isBetween):
      self = isBetween ? .progress(StepMetrics(record)) : .step(StepMetrics(record))
    case .epoch(let record):
      self = .epoch(
        EpochMetrics(
          training: StepMetrics(record.means), valLoss: record.validationLoss, valAccuracy: record.validationAccuracy,
          valTop5Accuracy: record.validationTopFive))
    case .checkpoint(let state): self = .checkpoint(Checkpoint(state))
    case .stalled(let worker):
      self = .warning(
        "worker \(worker.worker) has been \(worker.phase.words) for \(Int(worker.seconds)) seconds in step \(worker.step)"
      )
    case .ledger: return nil
    }
  }
}

extension TrainingPlan {
  init(_ run: RunDescription) {
    guard let kernels = RuntimeSettings.Kernels(rawValue: run.kernels) else {
      preconditionFailure("The library does not know the kernels \(run.kernels).")
    }
    self.init(
      trainingExamples: run.trainingExamples, testExamples: run.testExamples, epochs: run.epochs,
      stepsPerEpoch: run.stepsPerEpoch, batchSize: run.batchSize, firstStep: run.firstStep,
      parameterCount: run.parameterCount, workers: run.placement.workers.count, kernels: kernels,
      memoryBytes: run.memory.nodes.reduce(0) { $0 + $1.totalBytes }, notes: run.notes)
  }
}

extension StepMetrics {
  init(_ record: StepRecord) {
    self.init(
      epoch: record.epoch, step: record.step, loss: record.loss, accuracy: record.accuracy,
      learningRate: record.learningRate, imagesPerSecond: record.imagesPerSecond,
      elapsedSeconds: record.elapsedSeconds)
  }
}

extension TrainingResult {
  init(_ summary: TrainingSummary, _ weights: Weights, _ checkpoint: Checkpoint?) {
    self.init(
      weights: weights, isComplete: !summary.interrupted, checkpoint: checkpoint, epochs: summary.epochs,
      steps: summary.steps, loss: summary.loss, valLoss: summary.validationLoss,
      valAccuracy: summary.validationAccuracy, imagesPerSecond: summary.imagesPerSecond,
      elapsedSeconds: summary.elapsedSeconds, workers: summary.workers)
  }
}

import Machine
import Network
import Runs

/// What a run is, published once before its first step.
package struct RunDescription: Sendable {
  /// One line of the network's table.
  package struct Layer: Sendable, Hashable {
    package var name: String
    /// `conv2d 3×3, same` and the like.
    package var summary: String
    /// What it is made of, empty for a layer.
    package var detail: String
    package var outputShape: ValueShape
    /// Those that are trained.
    package var parameterCount: Int
    package init(name: String, summary: String, detail: String = "", outputShape: ValueShape, parameterCount: Int) {
      self.name = name
      self.summary = summary
      self.detail = detail
      self.outputShape = outputShape
      self.parameterCount = parameterCount
    }
  }
  /// As the configuration has them: residual blocks, also several in a row, are one.
  package var layers: [Layer]
  /// Of all layers: parameters that are trained, and running statistics.
  package var parameterCount: Int
  package var statisticCount: Int
  package var memory: MemoryPlan
  package var trainingExamples: Int
  package var testExamples: Int
  /// Lines that credit the data's authors, if the data is part of the program.
  package var dataCredit: [String]
  package var epochs: Int
  package var stepsPerEpoch: Int
  package var batchSize: Int
  package var shardSize: Int
  package var placement: Placement
  /// The instruction-set build of the kernels in use: `avx512`, `avx2` or `portable`.
  package var kernels: String
  /// Sentences the user should see: idle workers, refused pinning and the like.
  package var notes: [String]
  /// Those of the notes that are shown even if everything else is silent.
  package var warnings: [String]
  /// Steps done by earlier parts of the run.
  package var firstStep: Int

  package init(
    layers: [Layer], parameterCount: Int, statisticCount: Int, memory: MemoryPlan, trainingExamples: Int,
    testExamples: Int, epochs: Int, stepsPerEpoch: Int,
    batchSize: Int, shardSize: Int, placement: Placement, kernels: String, notes: [String],
    warnings: [String] = [], dataCredit: [String] = [], firstStep: Int = 0
  ) {
    self.layers = layers
    self.parameterCount = parameterCount
    self.statisticCount = statisticCount
    self.memory = memory
    self.trainingExamples = trainingExamples
    self.testExamples = testExamples
    self.epochs = epochs
    self.stepsPerEpoch = stepsPerEpoch
    self.batchSize = batchSize
    self.shardSize = shardSize
    self.placement = placement
    self.kernels = kernels
    self.notes = notes
    self.warnings = warnings
    self.dataCredit = dataCredit
    self.firstStep = firstStep
  }
}

/// The means over the steps of one logging interval; also the shape of a `metrics.jsonl` step line.
package struct StepRecord: Sendable, Hashable {
  /// From 1.
  package var epoch: Int
  /// Steps finished since the start of training, from 1.
  package var step: Int
  package var stepInEpoch: Int
  package var loss: Double
  package var accuracy: Double
  package var learningRate: Double
  package var imagesPerSecond: Double
  package var stepMilliseconds: Double
  package var reduceMilliseconds: Double
  package var barrierMilliseconds: Double
  /// Of these, where layers need sums over the whole batch.
  package var meetingsMilliseconds: Double
  /// Of these, for messages of other ranks.
  package var exchangeMilliseconds: Double
  /// The steps that the means are over.
  package var steps: Int
  /// Since the start of training, without the time between the parts of an interrupted run.
  package var elapsedSeconds: Double
  /// Of several workers, the one that waits most; only with progress.
  package var mostWaiting: WaitingWorker?

  package init(
    epoch: Int, step: Int, stepInEpoch: Int, loss: Double, accuracy: Double, learningRate: Double,
    imagesPerSecond: Double, stepMilliseconds: Double, reduceMilliseconds: Double, barrierMilliseconds: Double,
    meetingsMilliseconds: Double, exchangeMilliseconds: Double = 0, steps: Int, elapsedSeconds: Double
  ) {
    self.epoch = epoch
    self.step = step
    self.stepInEpoch = stepInEpoch
    self.loss = loss
    self.accuracy = accuracy
    self.learningRate = learningRate
    self.imagesPerSecond = imagesPerSecond
    self.stepMilliseconds = stepMilliseconds
    self.reduceMilliseconds = reduceMilliseconds
    self.barrierMilliseconds = barrierMilliseconds
    self.meetingsMilliseconds = meetingsMilliseconds
    self.exchangeMilliseconds = exchangeMilliseconds
    self.steps = steps
    self.elapsedSeconds = elapsedSeconds
  }
}

/// Means over one epoch, with the result on the test set where it was evaluated.
package struct EpochRecord: Sendable, Hashable {
  package var means: StepRecord
  package var validationLoss: Double?
  package var validationAccuracy: Double?
  /// From ten classes on.
  package var validationTopFive: Double?

  package init(
    means: StepRecord, validationLoss: Double?, validationAccuracy: Double?, validationTopFive: Double? = nil
  ) {
    self.means = means
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.validationTopFive = validationTopFive
  }
}

/// What a training run publishes: `started`, then the others as they come.
///
/// `ledger` comes after every step, before all else about it, if the configuration asks for one.
/// `checkpoint` holds the state after everything published before it, and comes also when the run ends.
/// `step` comes once per logging interval (`progress: false`) and, for the bar on a terminal, at most ten times a
/// second in between (`progress: true`, never written to a file). Events are delivered on the thread that called
/// `Trainer.run`, never on a worker.
package enum TrainingEvent: Sendable {
  case started(RunDescription)
  case step(StepRecord, progress: Bool)
  case epoch(EpochRecord)
  case ledger(LedgerEntry)
  case checkpoint(Checkpoint)
  case stalled(StalledWorker)
}

/// The result of `train`.
package struct TrainingSummary: Sendable, Hashable {
  package var epochs: Int
  package var steps: Int
  /// The steps of the whole run, done or not.
  package var totalSteps: Int
  package var loss: Double
  package var validationLoss: Double?
  package var validationAccuracy: Double?
  package var validationTopFive: Double?
  package var imagesPerSecond: Double
  /// See `StepRecord`.
  package var elapsedSeconds: Double
  package var workers: Int
  /// `sha256:` and 64 hexadecimal digits.
  package var weightsDigest: String
  /// True if a signal ended the run before its last step.
  package var interrupted: Bool
  /// The names of the newest checkpoint and of the one with the best accuracy on the test set, if there are any.
  package var newestCheckpoint: String?
  package var bestCheckpoint: String?
  /// What the kernel said about threads and memory; `nil` before the end of a run.
  package var placement: PlacementReport?
  /// Of a job; `workers` are then those of all ranks.
  package var ranks: Int?

  package init(
    epochs: Int, steps: Int, totalSteps: Int, loss: Double, validationLoss: Double?, validationAccuracy: Double?,
    validationTopFive: Double? = nil, imagesPerSecond: Double, elapsedSeconds: Double, workers: Int,
    weightsDigest: String, interrupted: Bool,
    placement: PlacementReport? = nil
  ) {
    self.epochs = epochs
    self.steps = steps
    self.totalSteps = totalSteps
    self.loss = loss
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.validationTopFive = validationTopFive
    self.imagesPerSecond = imagesPerSecond
    self.elapsedSeconds = elapsedSeconds
    self.workers = workers
    self.weightsDigest = weightsDigest
    self.interrupted = interrupted
    self.placement = placement
  }
}

import Configuration
import Diagnostics

/// One step of a run: its place in the run, and what the configuration says about it. A pure function of its number.
struct TrainingStep {
  /// From 0, since the start of training.
  let number: Int
  let epoch: Int
  let stepInEpoch: Int
  /// Positions of its batch in the epoch's order.
  let batch: Range<Int>
  /// Shards of the batch.
  let shardCount: Int
  let learningRate: Double
  /// Whether it is the first, or last, of its epoch; the last batch may be smaller.
  let startsEpoch: Bool
  let endsEpoch: Bool

  var optimizerStep: OptimizerStep {
    OptimizerStep(number: number + 1, divisor: Double(batch.count), learningRate: learningRate)
  }
}

extension RunPlan {
  /// - Throws: `UserError(.badConfiguration)` if a batch, which may be the last of an epoch, is too small for the network.
  package func requireTrainable() throws(UserError) {
    try network.requireBatches(ofAtLeast: step(shards.stepsPerEpoch - 1).batch.count)
  }

  package var totalSteps: Int { configuration.training.epochs * shards.stepsPerEpoch }

  func step(_ number: Int) -> TrainingStep {
    let training = configuration.training
    let stepInEpoch = number % shards.stepsPerEpoch
    let batch = shards.batchRange(stepInEpoch: stepInEpoch)
    return TrainingStep(
      number: number, epoch: number / shards.stepsPerEpoch, stepInEpoch: stepInEpoch, batch: batch,
      shardCount: shards.shardCount(batchSize: batch.count),
      learningRate: training.learningRateSchedule.rate(
        base: training.optimizer.learningRate, step: number, stepsPerEpoch: shards.stepsPerEpoch,
        epochs: training.epochs),
      startsEpoch: stepInEpoch == 0, endsEpoch: stepInEpoch == shards.stepsPerEpoch - 1)
  }
}

extension LearningRateSchedule {
  /// The learning rate of a step, a pure function of its number.
  func rate(base: Double, step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    switch self {
    case .constant: base
    }
  }
}

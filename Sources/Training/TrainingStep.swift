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
  /// Whether it is the first, or last, of its epoch; the last batch may be smaller.
  let startsEpoch: Bool
  let endsEpoch: Bool
  /// Whether the test set is evaluated at the end of its epoch.
  let evaluates: Bool
  /// Whether the ledger has a digest of the weights after it.
  let digestsWeights: Bool
}

extension RunPlan {
  /// - Throws: `UserError(.badConfiguration)` if a batch, which may be the last of an epoch, is too small for the network.
  package func requireTrainable() throws(UserError) {
    for number in [shards.stepsPerEpoch - 1, 0] { try network.requireBatch(of: step(number).batch.count) }
  }

  package var isTrainable: Bool { (try? requireTrainable()) != nil }

  package var totalSteps: Int {
    min(configuration.training.epochs * shards.stepsPerEpoch, configuration.training.maxSteps ?? Int.max)
  }

  func step(_ number: Int) -> TrainingStep {
    let training = configuration.training
    let (epoch, stepInEpoch) = number.quotientAndRemainder(dividingBy: shards.stepsPerEpoch)
    let batch = shards.batchRange(stepInEpoch: stepInEpoch)
    let endsEpoch = stepInEpoch == shards.stepsPerEpoch - 1
    let ledger = configuration.ledger
    return TrainingStep(
      number: number, epoch: epoch, stepInEpoch: stepInEpoch, batch: batch,
      shardCount: shards.shardCount(batchSize: batch.count), startsEpoch: stepInEpoch == 0, endsEpoch: endsEpoch,
      evaluates: (epoch + 1) % training.evaluateEveryEpochs == 0 || number + 1 == totalSteps,
      digestsWeights: ledger.isOn && (endsEpoch || (number + 1) % ledger.everySteps == 0))
  }

  /// - Parameter plateau: the rate that a plateau has come to, if any.
  func learningRate(_ step: TrainingStep, plateau: Double?) -> Double {
    rates.rate(step: step.number, plateau: plateau)
  }

  func optimizerStep(_ step: TrainingStep, plateau: Double?) -> OptimizerStep {
    OptimizerStep(
      number: step.number + 1, divisor: Double(step.batch.count), learningRate: learningRate(step, plateau: plateau))
  }
}

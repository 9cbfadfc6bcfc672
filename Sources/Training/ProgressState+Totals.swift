import Configuration
import Runs

/// How the state grows, step by step: worker 0 and the reporting thread each keep one, and come to the same.
extension ProgressState {
  mutating func add(_ totals: StepTotals) {
    interval.add(totals)
    epoch.add(totals)
    stepsDone = totals.step + 1
    totalExamples += totals.examples
    totalNanoseconds += totals.stepNanoseconds
  }

  /// Ends the epoch with the result on the test set, if there is one.
  mutating func endEpoch(_ totals: StepTotals, _ training: TrainingConfiguration) {
    epochsDone += 1
    let examples = Double(max(epoch.examples, 1))
    lastEpochLoss = epoch.loss / examples
    lastEpochAccuracy = Double(epoch.correct) / examples
    setValidation(totals)
    if let accuracy = validationAccuracy, accuracy > bestValidationAccuracy ?? -1 {
      bestValidationAccuracy = accuracy
      bestEpoch = totals.epoch + 1
    }
    epoch = Sums()
    watch(training)
  }

  mutating func setValidation(_ totals: StepTotals) {
    let n = Double(totals.testExamples)
    let isKnown = totals.testExamples > 0
    validationLoss = isKnown ? totals.testLoss / n : nil
    validationAccuracy = isKnown ? Double(totals.testCorrect) / n : nil
    validationTopFive = isKnown ? totals.testTopFive.map { Double($0) / n } : nil
  }
}

extension ProgressState.Sums {
  mutating func add(_ t: StepTotals) {
    steps += 1
    examples += t.examples
    loss += t.loss
    correct += t.correct
    stepNanoseconds += t.stepNanoseconds
    reduceNanoseconds += t.reduceNanoseconds
    barrierNanoseconds += t.barrierNanoseconds
    meetingsNanoseconds += t.meetingsNanoseconds
    exchangeNanoseconds += t.exchangeNanoseconds
  }

  /// The means, of steps that end with `last`.
  func record(_ last: StepTotals, elapsed: UInt64) -> StepRecord {
    let n = Double(max(examples, 1))
    let count = Double(max(steps, 1)) * 1e6
    return StepRecord(
      epoch: last.epoch + 1, step: last.step + 1, stepInEpoch: last.stepInEpoch + 1, loss: loss / n,
      accuracy: Double(correct) / n, learningRate: last.learningRate,
      imagesPerSecond: stepNanoseconds == 0 ? 0 : Double(examples) / (Double(stepNanoseconds) * 1e-9),
      stepMilliseconds: Double(stepNanoseconds) / count, reduceMilliseconds: Double(reduceNanoseconds) / count,
      barrierMilliseconds: Double(barrierNanoseconds) / count,
      meetingsMilliseconds: Double(meetingsNanoseconds) / count,
      exchangeMilliseconds: Double(exchangeNanoseconds) / count, steps: steps,
      elapsedSeconds: Double(elapsed) * 1e-9)
  }
}

import Configuration

extension ProgressState {
  /// A metric of the epoch that ended last; `nil` where it was not evaluated.
  package func value(of metric: Metric) -> Double? {
    switch metric {
    case .loss: epochsDone > 0 ? lastEpochLoss : nil
    case .accuracy: lastEpochAccuracy
    case .validationLoss: validationLoss
    case .validationAccuracy: validationAccuracy
    case .validationTopFive: validationTopFive
    }
  }

  /// Lets the rules that watch a metric see the epoch that has just ended.
  package mutating func watch(_ training: TrainingConfiguration) {
    if training.learningRateSchedule.kind == .plateau {
      plateau.watch(value(of: training.learningRateSchedule.monitor), training)
    }
    if let rule = training.earlyStopping, let value = value(of: rule.monitor) {
      if patience.best.map({ rule.monitor.isBetter(value, than: $0, by: rule.minDelta) }) ?? !value.isNaN {
        patience = Patience(best: value, waited: 0)
      } else {
        patience.waited += 1
      }
    }
  }

  /// Whether a rule other than a number of steps ends the run here.
  package func isOver(_ training: TrainingConfiguration) -> Bool {
    if let seconds = training.maxSeconds, Double(elapsedNanoseconds) * 1e-9 >= seconds { return true }
    if let rule = training.earlyStopping, patience.waited >= rule.patience { return true }
    guard epoch.steps == 0, let rule = training.stopAt, let value = value(of: rule.metric) else { return false }
    return rule.metric.isBetterLower ? value <= rule.value : value >= rule.value
  }
}

extension ProgressState.Plateau {
  /// One evaluation, by the rules of PyTorch's `ReduceLROnPlateau`.
  fileprivate mutating func watch(_ value: Double?, _ training: TrainingConfiguration) {
    guard let value else { return }
    let rule = training.learningRateSchedule
    func isBetter(than best: Double) -> Bool {
      let margin = rule.thresholdMode == .rel ? abs(best) * rule.threshold : rule.threshold
      return rule.monitor.isBetter(value, than: best, by: margin)
    }
    if best.map(isBetter) ?? !value.isNaN {
      best = value
      badEvaluations = 0
    } else {
      badEvaluations += 1
    }
    if cooldown > 0 {
      cooldown -= 1
      badEvaluations = 0
    }
    guard badEvaluations > rule.patience else { return }
    let old = rate ?? training.optimizer.learningRate
    let new = max(old * rule.factor, rule.minimum)
    // As PyTorch has it, a smaller change is none.
    if old - new > 1e-8 { rate = new }
    cooldown = rule.cooldown
    badEvaluations = 0
  }
}

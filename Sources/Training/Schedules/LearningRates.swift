import Configuration

/// The learning rates of a run, a pure function of the step's number; a plateau's own rate comes from `ProgressState`.
///
/// The values are those of PyTorch's schedulers, stepped once a step: `StepLR`, `MultiStepLR`, `ExponentialLR`,
/// `CosineAnnealingLR`, `OneCycleLR` without its momentum, `LinearLR`, and `LinearLR` again for the warm-up. Sums, products,
/// quotients and roots alone, so the same bits on every machine.
struct LearningRates: Sendable {
  private let base: Double
  private let schedule: LearningRateSchedule
  private let stepsPerEpoch: Int
  private let totalSteps: Int
  private let warmupSteps: Int
  /// Steps at which the rate falls.
  private let milestones: [Int]
  /// What a step of `exponential` multiplies the rate by.
  private let stepFactor: Double

  init(_ training: TrainingConfiguration, stepsPerEpoch: Int, totalSteps: Int) {
    base = training.optimizer.learningRate
    let schedule = training.learningRateSchedule
    self.schedule = schedule
    self.stepsPerEpoch = stepsPerEpoch
    self.totalSteps = totalSteps
    func steps(_ epochs: Double) -> Int {
      let steps = (epochs * Double(stepsPerEpoch)).rounded()
      return steps < 0x1p62 ? Int(steps) : 1 << 62
    }
    warmupSteps = schedule.kind == .oneCycle ? 0 : steps(schedule.warmupEpochs)
    milestones =
      switch schedule.kind {
      case .step: [max(1, steps(schedule.stepSize))]
      case .multiStep: schedule.milestones.map(steps)
      case .constant, .exponential, .cosine, .oneCycle, .linear, .plateau: []
      }
    stepFactor = schedule.kind == .exponential ? root(stepsPerEpoch, of: schedule.gamma) : 1
  }

  /// - Parameter plateau: the rate that a plateau has come to; `nil` for the configured one.
  func rate(step: Int, plateau: Double?) -> Double {
    let rate = plateau ?? rate(step)
    guard step < warmupSteps else { return rate }
    let start = schedule.warmupStartFactor
    return rate * (start + (1 - start) * (Double(step) / Double(warmupSteps)))
  }

  private func rate(_ step: Int) -> Double {
    let later = max(0, step - warmupSteps)
    switch schedule.kind {
    case .constant, .plateau: return base
    case .step: return base * power(schedule.gamma, step / milestones[0])
    case .multiStep: return base * power(schedule.gamma, milestones.count { $0 <= step })
    case .exponential:
      return base * power(schedule.gamma, later / stepsPerEpoch) * power(stepFactor, later % stepsPerEpoch)
    case .cosine: return between(base, schedule.minimum, at: portion(later), .cos)
    case .linear:
      return base * between(schedule.startFactor, schedule.endFactor, at: portion(later), .linear)
    case .oneCycle: return cycle(step)
    }
  }

  /// What is done of the steps after the warm-up, from 0 to 1.
  private func portion(_ later: Int) -> Double {
    let steps = max(1, totalSteps - warmupSteps)
    return Double(min(later, steps)) / Double(steps)
  }

  private func cycle(_ step: Int) -> Double {
    let first = base / schedule.divFactor
    let (peak, last) = (schedule.risingShare * Double(totalSteps) - 1, Double(totalSteps - 1))
    let now = Double(step)
    if peak > 0, now <= peak { return between(first, base, at: now / peak, schedule.annealing) }
    let portion = last > peak ? (now - peak) / (last - peak) : 1
    return between(base, first / schedule.finalDivFactor, at: min(max(portion, 0), 1), schedule.annealing)
  }

  private func between(
    _ start: Double, _ end: Double, at portion: Double, _ annealing: LearningRateSchedule.Annealing
  ) -> Double {
    switch annealing {
    case .cos: end + (start - end) * ((1 + cosineOfPi(portion)) / 2)
    case .linear: start + (end - start) * portion
    }
  }
}

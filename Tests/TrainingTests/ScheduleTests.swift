import Configuration
import Glibc
import Runs
import TestSupport
import Testing

@testable import Training

/// Learning rates against PyTorch's schedulers; see Tests/Fixtures/golden/make_schedules.py.
@Suite("Learning rates against PyTorch")
struct ScheduleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var schedule: LearningRateSchedule
    var testDescription: String { name }

    init(
      _ name: String, _ kind: LearningRateSchedule.Kind, warmup: Double = 0, from factor: Double = 0.1,
      _ change: (inout LearningRateSchedule) -> Void = { _ in }
    ) {
      self.name = name
      schedule = LearningRateSchedule(kind)
      (schedule.warmupEpochs, schedule.warmupStartFactor) = (warmup, factor)
      change(&schedule)
    }
  }

  static let cases: [Case] = [
    Case("constant-warmup", .constant, warmup: 2, from: 0.2),
    Case("step", .step) { ($0.stepSize, $0.gamma) = (2, 0.3) },
    Case("step-warmup", .step, warmup: 1, from: 0.25) { ($0.stepSize, $0.gamma) = (2, 0.3) },
    Case("multi_step", .multiStep) { ($0.milestones, $0.gamma) = ([1, 4, 5], 0.5) },
    Case("multi_step-warmup", .multiStep, warmup: 2) { ($0.milestones, $0.gamma) = ([1, 4], 0.5) },
    Case("exponential", .exponential) { $0.gamma = 0.7 },
    Case("exponential-warmup", .exponential, warmup: 1) { $0.gamma = 0.05 },
    Case("cosine", .cosine),
    Case("cosine-warmup", .cosine, warmup: 1) { $0.minimum = 0.01 },
    Case("linear", .linear),
    Case("linear-warmup", .linear, warmup: 2, from: 0.5) { ($0.startFactor, $0.endFactor) = (0.8, 0.1) },
    Case("one_cycle", .oneCycle),
    Case("one_cycle-linear", .oneCycle) {
      ($0.risingShare, $0.divFactor, $0.finalDivFactor, $0.annealing) = (0.45, 10, 50, .linear)
    },
  ]

  private static let stepsPerEpoch = 7
  private static let totalSteps = 42

  private func training(_ schedule: LearningRateSchedule) -> TrainingConfiguration {
    TrainingConfiguration(
      epochs: 6, batchSize: 1, shuffle: false, optimizer: OptimizerConfiguration(learningRate: 0.3),
      learningRateSchedule: schedule)
  }

  private func rates(_ schedule: LearningRateSchedule) -> LearningRates {
    LearningRates(training(schedule), stepsPerEpoch: Self.stepsPerEpoch, totalSteps: Self.totalSteps)
  }

  /// The golden values are rounded to Float.
  private func agree(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-7 * abs(b) + 1e-12 }

  @Test("every step's rate", arguments: cases)
  func agrees(run: Case) throws {
    let expected = try Golden("schedules").doubles(run.name)
    #expect(expected.count == Self.totalSteps)
    let rates = rates(run.schedule)
    for (step, value) in expected.enumerated() {
      #expect(agree(rates.rate(step: step, plateau: nil), value), "step \(step)")
    }
    #expect(Set(expected).count > 2)
  }

  @Test("no two cases have the same rates")
  func casesDiffer() throws {
    let all = Set(
      Self.cases.map { run in (0..<Self.totalSteps).map { rates(run.schedule).rate(step: $0, plateau: nil) } })
    #expect(all.count == Self.cases.count)
    let constant = rates(.constant)
    #expect((0..<Self.totalSteps).allSatisfy { constant.rate(step: $0, plateau: nil) == 0.3 })
  }

  private static let losses: [Double] = [
    2, 1.5, 1.2, 1.19995, 1.2, 1.3, 1.1, 1.1, 1.1, 1.1, 1.1, .nan, 1.05, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2,
  ]

  @Test("the rate of a plateau", arguments: ["plateau", "plateau-cooldown", "plateau-max"])
  func plateau(name: String) throws {
    var schedule = LearningRateSchedule(.plateau)
    switch name {
    case "plateau": (schedule.patience, schedule.factor) = (1, 0.5)
    case "plateau-cooldown":
      (schedule.patience, schedule.factor, schedule.cooldown) = (0, 0.1, 2)
      (schedule.minimum, schedule.threshold) = (0.002, 0.01)
    default:
      (schedule.monitor, schedule.thresholdMode) = (.validationAccuracy, .abs)
      (schedule.patience, schedule.factor, schedule.threshold) = (2, 0.2, 0.05)
    }
    let training = training(schedule)
    let rates = rates(schedule)
    let expected = try Golden("schedules").doubles(name)
    #expect(Set(expected).count > 2)
    var state = ProgressState()
    for (loss, value) in zip(Self.losses, expected) {
      state.validationLoss = loss
      state.validationAccuracy = 1 - loss / 3
      state.watch(training)
      #expect(agree(rates.rate(step: 20, plateau: state.plateau.rate), value))
    }
    // An epoch without an evaluation counts for nothing.
    let before = state
    (state.validationLoss, state.validationAccuracy) = (nil, nil)
    state.watch(training)
    #expect(state.plateau == before.plateau)
    // The warm-up is a factor of it.
    schedule.warmupEpochs = 1
    #expect(self.rates(schedule).rate(step: 0, plateau: 0.2) == 0.2 * 0.1)
  }

  /// `cos` and `pow` of the C library differ between machines in the last bit.
  @Test("powers, roots and cosines")
  func exactFunctions() {
    #expect(power(0.9, 0) == 1 && power(0.9, 1) == 0.9 && power(2, 10) == 1024 && power(0, 3) == 0)
    for exponent in [7, 1000, 123_456] {
      var product = 1.0
      for _ in 0..<exponent { product *= 0.9999 }
      #expect(abs(power(0.9999, exponent) / product - 1) < 1e-11)
    }
    for degree in [1, 2, 7, 391, 100_000] {
      for value in [1, 0.97, 0.1, 1e-9] { #expect(abs(power(root(degree, of: value), degree) / value - 1) < 1e-10) }
    }
    #expect(cosineOfPi(0) == 1 && cosineOfPi(0.5) == 0 && cosineOfPi(1) == -1)
    for i in 0...1000 {
      let x = Double(i) / 1000
      #expect(abs(cosineOfPi(x) - cos(Double.pi * x)) < 1e-15, "\(x)")
    }
  }

  @Test("early stopping waits for a better value")
  func patience() {
    var training = training(.constant)
    training.earlyStopping = .init(monitor: .validationAccuracy, patience: 2, minDelta: 0.01)
    var state = ProgressState()
    for (value, waited, ends) in [
      (0.5, 0, false), (0.505, 1, false), (0.52, 0, false), (.nan, 1, false), (0.52, 2, true), (0.9, 0, false),
    ] {
      state.validationAccuracy = value
      state.watch(training)
      #expect(state.patience.waited == waited && state.isOver(training) == ends, "\(value)")
    }
    training.earlyStopping = nil
    training.stopAt = .init(metric: .validationAccuracy, value: 0.9)
    #expect(state.isOver(training))
    training.stopAt = .init(metric: .validationLoss, value: 0.1)
    #expect(!state.isOver(training))
    state.validationLoss = 0.1
    #expect(state.isOver(training))
    // Inside an epoch the value is of other weights.
    state.epoch.steps = 1
    #expect(!state.isOver(training))
    training.maxSeconds = 3
    state.elapsedNanoseconds = 3_000_000_000
    #expect(state.isOver(training))
  }
}

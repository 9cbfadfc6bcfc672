/// How the learning rate moves over steps. What a kind does not read keeps the value that it has here.
package struct LearningRateSchedule: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case constant, step
    case multiStep = "multi_step"
    case exponential, cosine
    case oneCycle = "one_cycle"
    case linear, plateau
  }
  package enum Annealing: String, Hashable, Sendable, CaseIterable { case cos, linear }
  package enum ThresholdMode: String, Hashable, Sendable, CaseIterable { case rel, abs }

  package var kind: Kind
  package var warmupEpochs = 0.0
  package var warmupStartFactor = 0.1
  /// Epochs from one fall to the next.
  package var stepSize = 30.0
  package var gamma = 0.1
  /// Epochs at which the rate falls, ascending.
  package var milestones: [Double] = []
  package var minimum = 0.0
  package var startFactor = 1.0
  package var endFactor = 0.0
  /// Share of the steps in which `one_cycle` rises.
  package var risingShare = 0.3
  package var divFactor = 25.0
  package var finalDivFactor = 10_000.0
  package var annealing = Annealing.cos
  package var monitor = Metric.validationLoss
  package var factor = 0.1
  package var patience = 10
  package var threshold = 1e-4
  package var thresholdMode = ThresholdMode.rel
  package var cooldown = 0

  package init(_ kind: Kind) { self.kind = kind }

  package static let constant = LearningRateSchedule(.constant)

  /// Whether the rate of a step depends on how many steps the run will have.
  package var dependsOnLength: Bool {
    switch kind {
    case .cosine, .oneCycle, .linear: true
    case .constant, .step, .multiStep, .exponential, .plateau: false
    }
  }
}

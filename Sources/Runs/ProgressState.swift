/// State needed to continue metrics exactly after a resume. Stored in checkpoints.
package struct ProgressState: Hashable, Sendable {
  /// Sums over consecutive steps, added step by step.
  package struct Sums: Hashable, Sendable {
    package var steps = 0
    package var examples = 0
    package var loss = 0.0
    package var correct = 0
    package var stepNanoseconds: UInt64 = 0
    package var reduceNanoseconds: UInt64 = 0
    package var barrierNanoseconds: UInt64 = 0
    package var meetingsNanoseconds: UInt64 = 0
    package var exchangeNanoseconds: UInt64 = 0

    package init() {}
  }
  /// What `plateau` has come to.
  package struct Plateau: Hashable, Sendable {
    /// The learning rate; `nil` while it is the configured one.
    package var rate: Double?
    package var best: Double?
    package var badEvaluations = 0
    /// Evaluations that are still not counted.
    package var cooldown = 0
  }
  /// What early stopping has seen.
  package struct Patience: Hashable, Sendable {
    package var best: Double?
    /// Evaluations since the best one.
    package var waited = 0
  }
  /// Since the last line of a logging interval, and since the epoch's start.
  package var interval = Sums()
  package var epoch = Sums()
  package var lastEpochLoss = 0.0
  package var lastEpochAccuracy: Double?
  package var validationLoss: Double?
  package var validationAccuracy: Double?
  package var validationTopFive: Double?
  package var bestValidationAccuracy: Double?
  /// From 1, the first epoch with the best accuracy.
  package var bestEpoch: Int?
  package var plateau = Plateau()
  package var patience = Patience()
  package var totalExamples = 0
  package var totalNanoseconds: UInt64 = 0
  /// Since the start of training, steps and everything else, without the time between the parts of an interrupted run.
  package var elapsedNanoseconds: UInt64 = 0
  package var stepsDone = 0
  package var epochsDone = 0
  /// Intervals and epochs published: the lines of `metrics.jsonl`.
  package var recordCount = 0

  package init() {}
}

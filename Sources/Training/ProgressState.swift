/// What a run has to know of its past to publish the same lines as one that was never interrupted. Stored in checkpoints.
struct ProgressState: Hashable, Sendable {
  /// Sums over consecutive steps, added step by step.
  struct Sums: Hashable, Sendable {
    var steps = 0
    var examples = 0
    var loss = 0.0
    var correct = 0
    var stepNanoseconds: UInt64 = 0
    var reduceNanoseconds: UInt64 = 0
    var barrierNanoseconds: UInt64 = 0
  }
  /// Since the last line of a logging interval, and since the epoch's start.
  var interval = Sums()
  var epoch = Sums()
  var lastEpochLoss = 0.0
  var validationLoss: Double?
  var validationAccuracy: Double?
  var bestValidationAccuracy: Double?
  /// From 1, the first epoch with the best accuracy.
  var bestEpoch: Int?
  var totalExamples = 0
  var totalNanoseconds: UInt64 = 0
  /// Since the start of training, steps and all else, without the time between the parts of an interrupted run.
  var elapsedNanoseconds: UInt64 = 0
  var stepsDone = 0
  var epochsDone = 0
  /// Intervals and epochs published: the lines of `metrics.jsonl`.
  var recordCount = 0
}

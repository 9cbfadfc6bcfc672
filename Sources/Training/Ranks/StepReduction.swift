import Collectives

/// How a worker adds the partial sums of a step with the others.
struct StepReduction {
  /// Those of its process, down to the sums that other ranks want; `nil` where the rank has no shard.
  let inRank: SegmentReduction?
  /// What is left then, by bucket, over the worker's segments; the same in a process that is alone.
  let all: [SegmentReduction]
}

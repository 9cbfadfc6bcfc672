import Collectives
import Datasets
import Diagnostics
import Machine
import Network

/// The result of `bench throughput`.
package struct ThroughputSummary: Sendable, Hashable {
  package var medianImagesPerSecond: Double
  package var bestImagesPerSecond: Double
  package var medianStepMilliseconds: Double
  package var workers: Int
  package var batchSize: Int
}

/// Images per second of full training steps: input conversion, forward, backward, all-reduce, update.
package enum ThroughputBenchmark {
  /// Trains on synthetic in-memory data of the configured shape for about `seconds`, after warm-up.
  ///
  /// Every step is a full batch. The median and best are over single steps.
  package static func run(configuration: RunConfiguration, topology: Topology, seconds: Double) throws
    -> ThroughputSummary
  {
    var endless = configuration
    let batch = configuration.training.batchSize
    let input = configuration.model.input
    let classes = try NetworkPlan(configuration.model, maximumExamples: 1).classes
    let data = try ImageDataset.synthetic(
      examples: batch * 8, height: input.height, width: input.width, channels: input.channels, classes: classes,
      seed: configuration.seed, split: .train)
    // Speed does not depend on what is learnt; a tiny rate keeps endless training on random data finite.
    endless.training.optimizer.learningRate = min(endless.training.optimizer.learningRate, 1e-4)
    endless.training.epochs = 1 << 30
    let plan = try RunPlan(endless, topology: topology, exampleCount: data.count)
    let shared = try SharedState(plan, exampleCount: data.count, testExampleCount: 0)
    let group = try WorkerGroup(placement: plan.placement)
    try shared.initializeWeights(seed: configuration.seed, group: group)
    let ring = StepRing()
    let stop = StopFlag()
    let loop = TrainingLoop(
      plan: plan, shared: shared, training: data, test: nil,
      normalization: Normalization(configuration.data, channels: input.channels), ring: ring, stop: stop)
    let running = group.start { try loop.run($0) }

    let warmUpSteps = 3
    var durations: [UInt64] = []
    var measured: UInt64 = 0
    var isFinished = false
    while !isFinished {
      isFinished = running.wait(timeoutMilliseconds: 5)
      while let totals = ring.pop() {
        guard totals.kind == .step, totals.step >= warmUpSteps else { continue }
        durations.append(totals.stepNanoseconds)
        measured += totals.stepNanoseconds
      }
      if Double(measured) * 1e-9 >= seconds, durations.count >= 5 { stop.request() }
    }
    try running.result()
    durations.sort()
    let median = Double(durations[durations.count / 2])
    return ThroughputSummary(
      medianImagesPerSecond: Double(batch) / (median * 1e-9),
      bestImagesPerSecond: Double(batch) / (Double(durations[0]) * 1e-9), medianStepMilliseconds: median * 1e-6,
      workers: plan.workerCount, batchSize: batch)
  }
}

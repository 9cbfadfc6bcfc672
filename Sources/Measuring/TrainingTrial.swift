import Collectives
import Configuration
import Datasets
import KernelInterface
import Machine
import Network
import Training

/// A short stretch of real training on random data, timed step by step: all throughput measurements are made of these.
package struct TrainingTrial: Sendable {
  /// Full steps after warm-up, in order.
  package var stepNanoseconds: [Double] = []
  package var breakdowns: [StepBreakdown] = []
  /// Each kept step's compute times, one per worker.
  package var computeNanoseconds: [[Double]] = []
  /// Each kept step's compute times of the first worker, cut at meetings inside compute.
  package var segmentNanoseconds: [[Double]] = []
  /// Each kept step's time for transforming the new weights, a mean over workers.
  package var prepareNanoseconds: [Double] = []
  package var placement: Placement = Placement(workers: [], notes: [])
  package var batchSize: Int = 0
  package var kernels: String = ""
  /// The rank and all of its job; `nil` for a process that is alone.
  package var place: RankPlace?
  /// What the ranks of a job exchanged in all steps, the first few included.
  package var exchanged: [ExchangeTally] = []

  package static let warmUpSteps: Int = 3
  /// How many of the last steps keep their timelines.
  private static let keptSteps = 512

  /// The workers of all ranks.
  package var workers: Int { place?.allWorkers ?? placement.workers.count }

  /// Adds the steps of a later trial of the same configuration.
  package mutating func append(_ other: TrainingTrial) {
    stepNanoseconds += other.stepNanoseconds
    breakdowns += other.breakdowns
    computeNanoseconds += other.computeNanoseconds
    segmentNanoseconds += other.segmentNanoseconds
    prepareNanoseconds += other.prepareNanoseconds
    (placement, batchSize, kernels) = (other.placement, other.batchSize, other.kernels)
    place = other.place
    exchanged = exchanged.isEmpty ? other.exchanged : ExchangeTally.sums(exchanged, other.exchanged)
  }

  package var medianStepNanoseconds: Double { median(stepNanoseconds) }
  package var medianImagesPerSecond: Double { Self.rate(batchSize, medianStepNanoseconds) }
  /// The middle half of the steps.
  package var imagesPerSecondRange: ClosedRange<Double> {
    let sorted = stepNanoseconds.sorted()
    let last = max(0, sorted.count - 1)
    guard let slow = sorted.dropFirst(last - last / 4).first, let fast = sorted.dropFirst(last / 4).first else {
      return 0...0
    }
    return Self.rate(batchSize, slow)...Self.rate(batchSize, fast)
  }
  package var bestImagesPerSecond: Double { Self.rate(batchSize, stepNanoseconds.min() ?? 0) }

  private static func rate(_ images: Int, _ nanoseconds: Double) -> Double {
    nanoseconds > 0 ? Double(images) / (nanoseconds * 1e-9) : 0
  }

  /// Trains on synthetic in-memory data of the configured shape for about `seconds` and at least `minimumSteps`, after
  /// warm-up. Every step is a full batch. As a rank of `job`, if there is one: all ranks run it.
  package static func run(
    configuration: RunConfiguration, topology: Topology, kernels: KernelTable, seconds: Double, minimumSteps: Int = 5,
    job: Job? = nil
  ) throws -> TrainingTrial {
    var endless = configuration
    let data = try data(configuration)
    // Speed does not depend on what is learnt; a tiny rate keeps endless training on random data finite.
    endless.training.optimizer.learningRate = min(endless.training.optimizer.learningRate, 1e-4)
    endless.training.learningRateSchedule = .constant
    endless.training.epochs = 1 << 30
    (endless.training.maxSteps, endless.training.maxSeconds) = (nil, nil)
    (endless.training.earlyStopping, endless.training.stopAt) = (nil, nil)
    let place = try job?.place(of: endless, topology, data.count, dataFingerprint: "synthetic")
    let plan = try RunPlan(endless, topology: topology, kernels: kernels, exampleCount: data.count, place: place)
    let steps = try TimedSteps(of: plan, on: data, skipping: warmUpSteps, keeping: keptSteps, job: job) { times in
      times.reduce(0, +) * 1e-9 >= seconds && times.count >= minimumSteps
    }
    var trial = TrainingTrial()
    trial.stepNanoseconds = steps.nanoseconds
    trial.breakdowns = steps.timelines.map { StepBreakdown($0, groups: plan.groups.map(\.workers)) }
    trial.computeNanoseconds = steps.timelines.map { $0.map { Double($0[.computing]) } }
    trial.segmentNanoseconds = steps.timelines.map { $0[0].segments.map(Double.init) }
    trial.prepareNanoseconds = steps.timelines.map { workers in
      workers.reduce(0) { $0 + Double($1[.preparing]) } / Double(workers.count)
    }
    trial.exchanged = steps.exchanged
    trial.place = place
    trial.placement = plan.placement
    trial.batchSize = configuration.training.batchSize
    trial.kernels = plan.kernels.name
    return trial
  }

  /// Eight batches of random images, fewer where they would take more than 256 MiB.
  static func data(_ configuration: RunConfiguration) throws -> ImageDataset {
    let input = configuration.model.input
    let batch = configuration.training.batchSize
    let batches = max(1, min(8, (256 << 20) / max(1, batch * input.elementCount)))
    return try ImageDataset.synthetic(
      examples: batch * batches, height: input.height, width: input.width, channels: input.channels,
      classes: try ModelGraph(configuration.model).classes, seed: configuration.seed, split: .train)
  }
}

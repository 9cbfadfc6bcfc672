import Training

/// One worker count of `bench scaling`, of all ranks together.
package struct ScalingPoint: Sendable, Hashable {
  package var workers: Int
  package var batchSize: Int
  package var medianImagesPerSecond: Double
  package var bestImagesPerSecond: Double
  /// The middle half of the steps.
  package var imagesPerSecondRange: ClosedRange<Double>
  /// Against the curve's first point, taken as that many ideal workers.
  package var speedUp: Double = 0
  /// `speedUp / workers`.
  package var efficiency: Double = 0
  /// Of the first rank's workers.
  package var breakdown: StepBreakdown
  /// What the first rank exchanged with the others, by kind; none in a process that is alone.
  package var exchanged: [ExchangeTally]

  package init(
    workers: Int, batchSize: Int, medianImagesPerSecond: Double, bestImagesPerSecond: Double,
    range: ClosedRange<Double>? = nil, breakdown: StepBreakdown, exchanged: [ExchangeTally] = []
  ) {
    self.workers = workers
    self.batchSize = batchSize
    self.medianImagesPerSecond = medianImagesPerSecond
    self.bestImagesPerSecond = bestImagesPerSecond
    imagesPerSecondRange = range ?? medianImagesPerSecond...medianImagesPerSecond
    self.breakdown = breakdown
    self.exchanged = exchanged
  }

  /// `imagesPerSecondRange` in the terms of `speedUp`.
  package var speedUpRange: ClosedRange<Double> {
    let scale = medianImagesPerSecond > 0 ? speedUp / medianImagesPerSecond : 0
    return imagesPerSecondRange.lowerBound * scale...imagesPerSecondRange.upperBound * scale
  }
}

/// The result of `bench scaling`.
package struct ScalingSummary: Sendable, Hashable {
  package var name: String
  package var kernels: String
  package var shardSize: Int
  /// Processes that trained together.
  package var ranks = 1
  /// The configured batch on more and more workers, by ascending workers.
  package var strong: [ScalingPoint]
  /// A batch in proportion to the workers.
  package var weak: [ScalingPoint]
  package var notes: [String]
  package var prediction: ScalingPrediction?

  package init(
    name: String, kernels: String, shardSize: Int, strong: [ScalingPoint], weak: [ScalingPoint], notes: [String],
    prediction: ScalingPrediction? = nil
  ) {
    self.name = name
    self.kernels = kernels
    self.shardSize = shardSize
    self.strong = strong
    self.weak = weak
    self.notes = notes
    self.prediction = prediction
  }

  /// The knee of the strong curve.
  package var knee: Int? { ScalingCurve.knee(strong) }
}

/// What a curve of points by ascending workers says; pure arithmetic.
package enum ScalingCurve {
  /// A worker must add this share of what one worker does alone to be worth it.
  package static let worthwhileShare: Double = 0.5
  /// A rate must fall by more than this for a warning: the spread of repeated measurements.
  package static let noise: Double = 0.02

  /// Fills in speed-up and efficiency against the first point.
  package static func rated(_ points: [ScalingPoint]) -> [ScalingPoint] {
    guard let first = points.first, first.medianImagesPerSecond > 0 else { return points }
    let one = first.medianImagesPerSecond / Double(first.workers)
    return points.map { point in
      var point = point
      point.speedUp = point.medianImagesPerSecond / one
      point.efficiency = point.speedUp / Double(point.workers)
      return point
    }
  }

  /// The count after which another worker adds less than half of what one does alone; else the last count.
  package static func knee(_ points: [ScalingPoint]) -> Int? {
    guard let first = points.first else { return nil }
    let worthwhile = worthwhileShare * first.medianImagesPerSecond / Double(first.workers)
    for (point, next) in zip(points, points.dropFirst()) {
      let gain = (next.medianImagesPerSecond - point.medianImagesPerSecond) / Double(next.workers - point.workers)
      if gain < worthwhile { return point.workers }
    }
    return points.last?.workers
  }

  /// A sentence for every count that is slower than a smaller one.
  package static func warnings(_ points: [ScalingPoint]) -> [String] {
    points.enumerated().compactMap { index, point in
      let faster = points[..<index].max { $0.medianImagesPerSecond < $1.medianImagesPerSecond }
      guard let faster, point.medianImagesPerSecond < faster.medianImagesPerSecond * (1 - noise) else { return nil }
      let percent = Int(((1 - point.medianImagesPerSecond / faster.medianImagesPerSecond) * 100).rounded())
      return "\(point.workers) workers are \(percent) % slower than \(faster.workers): more workers cost time here"
    }
  }
}

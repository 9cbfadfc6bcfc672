import Collectives
import Configuration
import Datasets
import Machine

/// Forward passes over full batches, repeated until enough of them are timed: measurements are made of these.
package struct TimedInferences {
  /// Of every pass after the first few, in order: from the end of the one before it to the end of its last worker's part.
  package private(set) var nanoseconds: [Double] = []

  /// Takes `data` batch by batch, over and over: pixels to probabilities, all workers at one batch.
  ///
  /// - Parameters:
  ///   - data: whole batches.
  ///   - skipped: first passes that do not count.
  ///   - seconds: how long to measure at least, and `least` the passes.
  package init(
    _ model: InferenceModel, of plan: RunPlan, on data: ImageDataset, skipping skipped: Int, seconds: Double, least: Int
  ) throws {
    let batch = plan.configuration.training.batchSize
    precondition(data.count > 0 && data.count % batch == 0, "\(data.count) examples are no whole batches of \(batch).")
    let placed = try TrainingData(training: data, test: nil, plan)
    let session = try Session(
      plan, start: .weights(model.weights, source: "weights"), evaluatedExamples: batch)
    let bytes = batch * plan.network.classes * MemoryLayout<Float>.stride
    let memory = try NodeBuffer(byteCount: bytes, purpose: "the probabilities of \(batch) examples")
    // Written by the worker of each example alone.
    nonisolated(unsafe) let probabilities = memory.pointer.bindMemory(
      to: Float.self, capacity: batch * plan.network.classes)
    let watch = InferenceWatch(skipped: skipped, nanoseconds: seconds * 1e9, least: least)
    try session.group.run { context in
      let worker = try Worker(context, session)
      try worker.loadWeights()
      let images = try placed.training.place(context)
      try context.barrier.wait()
      var number = 0
      var isLast = false
      while !isLast {
        let first = number * batch % images.count
        worker.evaluate(images, first..<first + batch, probabilities: probabilities)
        if context.index == 0 { watch.decide(number) }
        try context.barrier.wait()
        if context.index == 0 { watch.ended(number) }
        isLast = watch.isLast(number)
        number += 1
      }
    }
    nanoseconds = watch.nanoseconds
  }
}

/// Times of passes, and when there are enough.
///
/// `@unchecked Sendable`: written by worker 0. A pass's decision is written before its barrier and read after it; the next
/// pass has the other place, so that it is read by all before it is written again.
private final class InferenceWatch: @unchecked Sendable {
  private(set) var nanoseconds: [Double] = []
  private let skipped: Int
  private let enough: Double
  private let least: Int
  private var total = 0.0
  private var last: UInt64 = 0
  private let decisions: UnsafeMutablePointer<Bool>

  init(skipped: Int, nanoseconds enough: Double, least: Int) {
    self.skipped = max(1, skipped)
    self.enough = enough
    self.least = least
    nanoseconds.reserveCapacity(1 << 16)
    decisions = .allocate(capacity: 2)
    decisions.initialize(repeating: false, count: 2)
  }

  deinit { decisions.deallocate() }

  /// Before the barrier of a pass: whether it is the last.
  func decide(_ number: Int) { decisions[number % 2] = nanoseconds.count + 1 >= least && total >= enough }

  /// After that barrier.
  func ended(_ number: Int) {
    let now = monotonicNanoseconds()
    if number >= skipped {
      // A pass that the clock went back in took some time, too.
      let time = Double(max(1, clockSpan(last, now)))
      nanoseconds.append(time)
      total += time
    }
    last = now
  }

  func isLast(_ number: Int) -> Bool { decisions[number % 2] }
}

/// When one worker passed the points of one step, in nanoseconds of one clock.
///
///     start ─ compute ─ computed ┇ met ─ sum ─ summed ┃ joined ─ reduce, update ─ reduced ┃ updated ─ prepare ─ prepared ┇ end
///
/// ┃ is a barrier of all workers, ┇ one of those on the same memory node. With one node, `summed` and `joined` are `met`.
package struct StepTimeline: Hashable, Sendable {
  package var start: UInt64 = 0
  package var computed: UInt64 = 0
  package var met: UInt64 = 0
  package var summed: UInt64 = 0
  package var joined: UInt64 = 0
  package var reduced: UInt64 = 0
  package var updated: UInt64 = 0
  package var prepared: UInt64 = 0
  package var end: UInt64 = 0
  /// Of `joined`‥`reduced`, what the optimizer took.
  package var optimizerNanoseconds: UInt64 = 0

  package init() {}
}

/// Where a step's time went, in nanoseconds, as means over the workers; the parts sum up to the step.
package struct StepBreakdown: Hashable, Sendable {
  /// Forward and backward.
  package var compute: Double = 0
  /// Waiting for workers that arrive later at one of the step's barriers.
  package var imbalance: Double = 0
  /// From the last arrival at a barrier until the worker goes on.
  package var barrier: Double = 0
  /// Adding partial gradients.
  package var reduce: Double = 0
  /// The optimizer, and transforming the new weights for the next step.
  package var update: Double = 0

  package init(
    compute: Double = 0, imbalance: Double = 0, barrier: Double = 0, reduce: Double = 0, update: Double = 0
  ) {
    self.compute = compute
    self.imbalance = imbalance
    self.barrier = barrier
    self.reduce = reduce
    self.update = update
  }

  package var total: Double { compute + imbalance + barrier + reduce + update }

  /// The parts with their names, in the order of a step.
  package static let parts: [(name: String, path: WritableKeyPath<StepBreakdown, Double> & Sendable)] = [
    ("compute", \.compute), ("imbalance", \.imbalance), ("barrier", \.barrier), ("reduce", \.reduce),
    ("update", \.update),
  ]
}

extension StepBreakdown {
  /// One step from the timelines of all its workers; sums run in worker order.
  ///
  /// - Parameter groups: the workers of each memory node; `nil` means that there is one.
  /// - Precondition: `workers` is not empty.
  package init(_ workers: [StepTimeline], groups: [Range<Int>]? = nil) {
    precondition(!workers.isEmpty, "A step has a worker.")
    self.init()
    let groups = groups ?? [0..<workers.count]
    let count = Double(workers.count)
    for w in workers {
      compute += Self.span(w.start, w.computed) / count
      update += (Double(w.optimizerNanoseconds) + Self.span(w.updated, w.prepared)) / count
      reduce +=
        (Self.span(w.met, w.summed) + Self.span(w.joined, w.reduced) - Double(w.optimizerNanoseconds)) / count
    }
    for group in groups {
      meet(workers[group], \.computed, \.met, count)
      meet(workers[group], \.prepared, \.end, count)
    }
    if groups.count > 1 { meet(workers[...], \.summed, \.joined, count) }
    meet(workers[...], \.reduced, \.updated, count)
  }

  /// Adds what waiting at one barrier took of those that met there, as a mean over `count` workers.
  private mutating func meet(
    _ workers: ArraySlice<StepTimeline>, _ arrival: KeyPath<StepTimeline, UInt64>,
    _ departure: KeyPath<StepTimeline, UInt64>, _ count: Double
  ) {
    let latest = workers.reduce(0) { max($0, $1[keyPath: arrival]) }
    for w in workers {
      imbalance += Self.span(w[keyPath: arrival], latest) / count
      barrier += Self.span(latest, w[keyPath: departure]) / count
    }
  }

  /// The median of each part over steps; zeros for no step.
  package static func medians(_ steps: [StepBreakdown]) -> StepBreakdown {
    var result = StepBreakdown()
    for part in parts { result[keyPath: part.path] = median(steps.map { $0[keyPath: part.path] }) }
    return result
  }

  private static func span(_ from: UInt64, _ to: UInt64) -> Double { to > from ? Double(to - from) : 0 }
}

/// The middle value, the mean of the middle two for an even count, 0 for none.
package func median(_ values: [Double]) -> Double {
  if values.isEmpty { return 0 }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The timelines of the last steps of a run, kept for benchmarks.
///
/// `@unchecked Sendable`: each worker writes its own entries while it runs; others read once all have finished.
final class TimelineLog: @unchecked Sendable {
  private static let capacity = 512
  private let entries: UnsafeMutablePointer<StepTimeline>
  private let workers: Int

  init(workers: Int) {
    self.workers = workers
    entries = .allocate(capacity: workers * Self.capacity)
    entries.initialize(repeating: StepTimeline(), count: workers * Self.capacity)
  }

  deinit { entries.deallocate() }

  func record(_ timeline: StepTimeline, worker: Int, step: Int) {
    entries[worker * Self.capacity + step % Self.capacity] = timeline
  }

  /// All workers' timelines of the steps in `range` that are still kept, in ascending order.
  func steps(_ range: Range<Int>) -> [[StepTimeline]] {
    range.suffix(Self.capacity).map { step in
      (0..<workers).map { entries[$0 * Self.capacity + step % Self.capacity] }
    }
  }
}

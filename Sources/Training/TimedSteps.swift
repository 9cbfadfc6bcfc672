import Collectives
import Datasets

/// Steps of real training, continued until enough of them are timed: measurements are made of these.
package struct TimedSteps {
  /// Of every step after the first few, in order.
  package private(set) var nanoseconds: [Double] = []
  /// All workers' timelines of the last of those steps, in order.
  package private(set) var timelines: [[StepTimeline]] = []
  /// What the ranks of a job exchanged in all steps.
  package private(set) var exchanged: [ExchangeTally] = []

  /// Trains `plan` from random weights.
  ///
  /// - Parameters:
  ///   - skipped: first steps that do not count.
  ///   - kept: how many of the last steps have their timelines kept.
  ///   - job: that `plan` is for, if it is for one.
  ///   - isEnough: asked now and then with the times so far; of a job, the first rank that has enough ends all.
  package init(
    of plan: RunPlan, on data: ImageDataset, skipping skipped: Int, keeping kept: Int, job: Job? = nil,
    until isEnough: ([Double]) -> Bool
  ) throws {
    try plan.requireTrainable()
    let placed = try TrainingData(training: data, test: nil, plan)
    let loop = TrainingLoop(
      session: try Session(
        plan, start: (plan.ranks?.place.rank ?? 0) == 0 ? .random() : .ofFirstRank(hasState: false),
        orderedExamples: data.count, keptSteps: kept, job: job), data: placed, channel: RunChannel(stop: StopFlag()))
    loop.session.exchange?.start()
    defer { loop.session.exchange?.stop() }
    let running = loop.session.group.start { try loop.run($0) }
    var isFinished = false
    while !isFinished {
      isFinished = running.wait(timeoutMilliseconds: 5)
      while let totals = loop.channel.ring.pop() {
        guard totals.kind == .step, totals.step >= skipped else { continue }
        // A step that the clock went back in took some time, too.
        nanoseconds.append(Double(max(1, totals.stepNanoseconds)))
      }
      if isEnough(nanoseconds) { loop.channel.stop.request() }
    }
    try running.result()
    exchanged = loop.session.exchange?.tallies ?? []
    timelines = loop.session.shared.times.timelines(skipped..<skipped + nanoseconds.count)
  }
}

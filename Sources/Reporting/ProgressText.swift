import Training

/// Where training stands: two lines for a terminal, one for a step, one for an epoch.
package struct ProgressText: Sendable {
  package var epochs: Int
  package var stepsPerEpoch: Int

  package init(epochs: Int, stepsPerEpoch: Int) {
    self.epochs = epochs
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// ```
  /// epoch  3/20 ━━━━━━────── 0:07 left · step  56/460 · 0:12 elapsed
  /// loss 0.1234 · accuracy 97.22% · 12,345 images/s · worker 3 waits 12% of the time
  /// ```
  /// at most `width` columns each. The bar takes 6 to 40 columns; if even the shortest does not fit, the last parts are
  /// dropped first. The worker is the one that waits most for the others.
  package func display(_ record: StepRecord, secondsLeft: Double, width: Int) -> [String] {
    let start = epochText(record.epoch)
    var parts = [
      "\(NumberText.clock(seconds: secondsLeft)) left", stepText(record), "\(Self.elapsed(record)) elapsed",
    ]
    let shortest = 6
    func length() -> Int { parts.isEmpty ? 0 : parts.joined(separator: " · ").count + 1 }
    while !parts.isEmpty, start.count + 1 + shortest + length() > width { parts.removeLast() }
    let room = width - start.count - 1 - length()
    var first = String(start.prefix(max(0, width)))
    if room >= shortest {
      let share = Double(record.stepInEpoch) / Double(max(1, stepsPerEpoch))
      first =
        ([start, Self.barText(share: share, columns: min(40, room))]
        + (parts.isEmpty ? [] : [parts.joined(separator: " · ")]))
        .joined(separator: " ")
    }
    var facts = [
      "loss \(NumberText.fixed(record.loss, 4))", "accuracy \(NumberText.percent(record.accuracy))", Self.rate(record),
    ]
    if let waiting = record.mostWaiting {
      facts.append("worker \(waiting.worker) waits \(NumberText.fixed(waiting.share * 100, 0))% of the time")
    }
    while facts.count > 1, facts.joined(separator: " · ").count > width { facts.removeLast() }
    return [first, String(facts.joined(separator: " · ").prefix(max(0, width)))]
  }

  /// A bar of `columns` characters, `share` of it filled.
  package static func barText(share: Double, columns: Int) -> String {
    let filled = share.isFinite ? Int((min(1, max(0, share)) * Double(columns)).rounded(.down)) : 0
    return String(repeating: "━", count: filled) + String(repeating: "─", count: columns - filled)
  }

  /// `epoch  3/20  step  56/460  loss 0.1234  accuracy 97.22%  12,345 images/s  0:12`, at most `width` columns.
  package func step(_ record: StepRecord, width: Int) -> String {
    Self.fitted(
      [
        Part(epochText(record.epoch), rank: 0), Part(stepText(record), rank: 1), Self.means(record, rank: 2),
        Part(Self.rate(record), rank: 3), Part(Self.elapsed(record), rank: 4),
      ], width: width)
  }

  /// `epoch  3/20  step  69/460  loss 0.1234  accuracy 97.22%  val_loss 0.1000  val_accuracy 96.11%  12,345 images/s  0:12`,
  /// where that is more than `width` columns `epoch  3/20  loss 0.1234 (97.22%)  val 0.1000 (96.11%)  12,345 images/s  0:12`.
  package func epoch(_ record: EpochRecord, width: Int) -> String {
    var parts: [Part] = [
      Part(epochText(record.means.epoch), rank: 0), Part(stepText(record.means), rank: 5),
      Self.means(record.means, rank: 2),
    ]
    if let loss = record.validationLoss {
      let (loss, accuracy): (String, String?) = (
        NumberText.fixed(loss, 4), record.validationAccuracy.map { NumberText.percent($0) }
      )
      parts.append(
        Part(
          "val_loss \(loss)" + (accuracy.map { "  val_accuracy \($0)" } ?? ""),
          short: "val \(loss)" + (accuracy.map { " (\($0))" } ?? ""), rank: 1))
    }
    return Self.fitted(
      parts + [Part(Self.rate(record.means), rank: 4), Part(Self.elapsed(record.means), rank: 3)], width: width)
  }

  /// A part of a line, in full and in short; of several, the one with the largest rank is dropped first.
  private struct Part {
    let long: String
    let short: String
    let rank: Int

    init(_ long: String, short: String? = nil, rank: Int) {
      self.long = long
      self.short = short ?? long
      self.rank = rank
    }
  }

  /// All parts in full; if these take more than `width` columns, all in short, or as many in short as fit.
  private static func fitted(_ parts: [Part], width: Int) -> String {
    let separator = "  "
    let whole = parts.map(\.long).joined(separator: separator)
    guard whole.count > width else { return whole }
    var kept = parts
    func line() -> String { kept.map(\.short).joined(separator: separator) }
    while kept.count > 1, line().count > width, let last = kept.map(\.rank).max() {
      kept.removeAll { $0.rank == last }
    }
    return String(line().prefix(max(0, width)))
  }

  /// `worker 1 on CPU 3 has been computing gradients for 61 s, in step 12; the others wait for it`.
  package func stalled(_ worker: StalledWorker) -> String {
    let place = worker.cpu.map { " on CPU \($0)" } ?? ""
    let what = !worker.phase.isWork ? "held up at a barrier of all workers" : worker.phase.words
    return "worker \(worker.worker)\(place) has been \(what) for "
      + "\(NumberText.fixed(worker.seconds, worker.seconds < 10 ? 1 : 0)) s, in step \(worker.step); the others wait for it"
  }

  private func epochText(_ epoch: Int) -> String { "epoch \(Self.aligned(epoch, of: epochs))" }

  private static func aligned(_ value: Int, of total: Int) -> String {
    let text = String(value)
    return String(repeating: " ", count: max(0, String(total).count - text.count)) + "\(text)/\(total)"
  }

  private func stepText(_ record: StepRecord) -> String {
    "step \(Self.aligned(record.step, of: epochs * stepsPerEpoch))"
  }

  private static func means(_ record: StepRecord, rank: Int) -> Part {
    let (loss, accuracy): (String, String) = (NumberText.fixed(record.loss, 4), NumberText.percent(record.accuracy))
    return Part("loss \(loss)  accuracy \(accuracy)", short: "loss \(loss) (\(accuracy))", rank: rank)
  }

  private static func rate(_ record: StepRecord) -> String { "\(NumberText.rate(record.imagesPerSecond)) images/s" }

  private static func elapsed(_ record: StepRecord) -> String { NumberText.clock(seconds: record.elapsedSeconds) }
}

import Training

/// One line about where training stands: for the bar on a terminal, for a step, for an epoch.
package struct ProgressText: Sendable {
  package var epochs: Int
  package var stepsPerEpoch: Int

  package init(epochs: Int, stepsPerEpoch: Int) {
    self.epochs = epochs
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// `epoch 3/20 ━━━━━━────── 12,345 images/s · loss 0.1234 · accuracy 97.22% · 0:07 left`, at most `width` columns.
  ///
  /// The bar takes 10 to 40 columns; where even the shortest does not fit, the parts at the end go first.
  package func bar(_ record: StepRecord, secondsLeft: Double, width: Int) -> String {
    let start: String = epochText(record.epoch)
    var parts: [String] = [
      "\(NumberText.rate(record.imagesPerSecond)) images/s", "loss \(NumberText.fixed(record.loss, 4))",
      "accuracy \(NumberText.percent(record.accuracy))", "\(NumberText.clock(seconds: secondsLeft)) left",
    ]
    let shortest: Int = 10
    func length() -> Int { parts.isEmpty ? 0 : parts.joined(separator: " · ").count + 1 }
    while !parts.isEmpty, start.count + 1 + shortest + length() > width { parts.removeLast() }
    let room: Int = width - start.count - 1 - length()
    guard room >= shortest else { return String(start.prefix(max(0, width))) }
    let share: Double = Double(record.stepInEpoch) / Double(max(1, stepsPerEpoch))
    let line: String = "\(start) \(Self.barText(share: share, columns: min(40, room)))"
    return parts.isEmpty ? line : "\(line) \(parts.joined(separator: " · "))"
  }

  /// A bar of `columns` characters, `share` of it filled.
  package static func barText(share: Double, columns: Int) -> String {
    let filled: Int = share.isFinite ? Int((min(1, max(0, share)) * Double(columns)).rounded(.down)) : 0
    return String(repeating: "━", count: filled) + String(repeating: "─", count: columns - filled)
  }

  /// `epoch  3/20  step  10/23  loss 0.1234  accuracy 97.22%  12,345 images/s`.
  package func step(_ record: StepRecord) -> String {
    let step: String = Self.aligned(record.stepInEpoch, of: stepsPerEpoch)
    return "\(epochText(record.epoch))  step \(step)  \(Self.means(record))  \(Self.rate(record))"
  }

  /// `epoch  3/20  loss 0.1234  accuracy 97.22%  val_loss 0.1000  val_accuracy 96.11%  12,345 images/s`.
  package func epoch(_ record: EpochRecord) -> String {
    var parts: [String] = [epochText(record.means.epoch), Self.means(record.means)]
    if let loss: Double = record.validationLoss { parts.append("val_loss \(NumberText.fixed(loss, 4))") }
    if let accuracy: Double = record.validationAccuracy {
      parts.append("val_accuracy \(NumberText.percent(accuracy))")
    }
    return (parts + [Self.rate(record.means)]).joined(separator: "  ")
  }

  /// `worker 1 on CPU 3 has been computing gradients for 61 s, in step 12`.
  package func stalled(_ worker: StalledWorker) -> String {
    let place: String = worker.cpu.map { " on CPU \($0)" } ?? ""
    return "worker \(worker.worker)\(place) has been \(worker.phase.words) for "
      + "\(NumberText.fixed(worker.seconds, worker.seconds < 10 ? 1 : 0)) s, in step \(worker.step); the others wait for it"
  }

  private func epochText(_ epoch: Int) -> String { "epoch \(Self.aligned(epoch, of: epochs))" }

  private static func aligned(_ value: Int, of total: Int) -> String {
    let text: String = String(value)
    return String(repeating: " ", count: max(0, String(total).count - text.count)) + "\(text)/\(total)"
  }

  private static func means(_ record: StepRecord) -> String {
    "loss \(NumberText.fixed(record.loss, 4))  accuracy \(NumberText.percent(record.accuracy))"
  }

  private static func rate(_ record: StepRecord) -> String { "\(NumberText.rate(record.imagesPerSecond)) images/s" }
}

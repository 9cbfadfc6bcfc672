import Diagnostics
import Training

/// Shows a running run on standard error: header, then a bar on a terminal or plain lines elsewhere.
///
/// With a bar: redrawn in place at most ten times a second, one permanent line per epoch, the bar cleared at the end.
/// Plain: one line per epoch, and in long epochs a logging interval's line at most every ten seconds. Stalled workers and
/// warnings are shown in every style, even the silent one.
package final class ConsoleReporter {
  package enum Style: Sendable {
    case bar
    case lines
    case silent
  }

  static let secondsBetweenDraws = 0.1
  static let secondsBetweenLines = 10.0

  private let name: String
  private let style: Style
  private let write: (String) -> Void
  private let columns: () -> Int
  private let now: () -> Double
  private var text = ProgressText(epochs: 0, stepsPerEpoch: 0)
  private var startTime = 0.0
  private var firstStep = 0
  private var lastDrawTime = 0.0
  private var lastLineTime = 0.0
  private var isBarVisible = false

  /// - Parameters:
  ///   - columns: the terminal's width, asked for every line; the largest integer where there is no terminal.
  ///   - now: seconds on a clock that never goes back.
  package init(
    name: String, style: Style, write: @escaping (String) -> Void, columns: @escaping () -> Int,
    now: @escaping () -> Double
  ) {
    self.name = name
    self.style = style
    self.write = write
    self.columns = columns
    self.now = now
  }

  package func handle(_ event: TrainingEvent) {
    if case .stalled(let stalled) = event {
      clear()
      write(text.stalled(stalled) + "\n")
    }
    guard style != .silent else {
      if case .started(let description) = event { warn(description.warnings) }
      return
    }
    let time = now()
    switch event {
    case .started(let description):
      text = ProgressText(epochs: description.epochs, stepsPerEpoch: description.stepsPerEpoch)
      firstStep = description.firstStep
      (startTime, lastLineTime, lastDrawTime) = (time, time, -.infinity)
      write(
        RunHeader.lines(name: name, description: description).map(\.onOneLine).joined(separator: "\n") + "\n")
    case .step(let record, let isProgress):
      switch style {
      case .bar where time - lastDrawTime >= Self.secondsBetweenDraws:
        draw(record, time)
      case .lines where !isProgress && time - lastLineTime >= Self.secondsBetweenLines:
        lastLineTime = time
        write(text.step(record, width: columns()) + "\n")
      default: break
      }
    case .epoch(let record):
      lastLineTime = time
      clear()
      write(text.epoch(record, width: columns()) + "\n")
    case .stalled, .ledger, .checkpoint: break
    }
  }

  /// Takes the bar off the terminal; nothing may be shown after.
  package func finish() { clear() }

  private func warn(_ warnings: [String]) {
    var shown: Set<String> = []
    for warning in warnings where shown.insert(warning).inserted { write("lockstep: warning: \(warning)\n") }
  }

  private func draw(_ record: StepRecord, _ time: Double) {
    lastDrawTime = time
    isBarVisible = true
    let stepsLeft = max(0, text.epochs * text.stepsPerEpoch - record.step)
    let secondsLeft: Double = (time - startTime) / Double(max(1, record.step - firstStep)) * Double(stepsLeft)
    // One column stays free: a full line would wrap on some terminals.
    write("\r" + text.bar(record, secondsLeft: secondsLeft, width: columns() - 1) + "\u{1B}[K")
  }

  private func clear() {
    guard isBarVisible else { return }
    isBarVisible = false
    write("\r\u{1B}[K")
  }
}

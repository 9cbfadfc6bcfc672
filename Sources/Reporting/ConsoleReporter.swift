import Diagnostics
import Training

/// Shows a running run on standard error: header, then two live lines on a terminal or plain lines elsewhere.
///
/// Live lines are redrawn in place at most ten times a second, above them stays one line per epoch, and they are cleared at the
/// end. Between draws the cursor stands where the first of them begins, so that clearing from there to the end of the screen
/// takes all of them off, however a terminal has wrapped them when its width changed.
/// Plain: one line per epoch, and in long epochs a logging interval's line at most every ten seconds. Stalled workers and
/// warnings are shown in every style, even the silent one.
package final class ConsoleReporter {
  package enum Style: Sendable {
    case live
    case lines
    case silent
  }

  static let secondsBetweenDraws = 0.1
  static let secondsBetweenLines = 10.0

  private let name: String
  private let style: Style
  private let write: (String) -> Void
  private let terminal: Terminal
  private let now: () -> Double
  private var text = ProgressText(epochs: 0, stepsPerEpoch: 0)
  private var startTime = 0.0
  private var firstStep = 0
  private var lastDrawTime = 0.0
  private var lastLineTime = 0.0
  private var isVisible = false

  /// - Parameter now: seconds on a clock that never goes back.
  package init(
    name: String, style: Style, write: @escaping (String) -> Void, terminal: Terminal, now: @escaping () -> Double
  ) {
    self.name = name
    self.style = style
    self.terminal = terminal
    self.write = terminal.isUTF8 ? write : { write(TerminalText.ascii($0)) }
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
      case .live where time - lastDrawTime >= Self.secondsBetweenDraws:
        draw(record, time)
      case .lines where !isProgress && time - lastLineTime >= Self.secondsBetweenLines:
        lastLineTime = time
        write(text.step(record, width: terminal.columns()) + "\n")
      default: break
      }
    case .epoch(let record):
      lastLineTime = time
      clear()
      write(text.epoch(record, width: terminal.columns()) + "\n")
    case .stalled, .ledger, .checkpoint: break
    }
  }

  /// Takes the live lines off the terminal; nothing may be shown after.
  package func finish() { clear() }

  private func warn(_ warnings: [String]) {
    var shown: Set<String> = []
    for warning in warnings where shown.insert(warning).inserted { write("lockstep: warning: \(warning)\n") }
  }

  private func draw(_ record: StepRecord, _ time: Double) {
    lastDrawTime = time
    isVisible = true
    let stepsLeft = max(0, text.epochs * text.stepsPerEpoch - record.step)
    let secondsLeft: Double = (time - startTime) / Double(max(1, record.step - firstStep)) * Double(stepsLeft)
    // One column stays free: a full line would wrap on some terminals.
    let lines = text.display(record, secondsLeft: secondsLeft, width: terminal.columns() - 1)
      .prefix(terminal.rows() > 2 ? 2 : 1)
    let shown = terminal.hasColours ? lines.map(TerminalText.coloured) : Array(lines)
    let back = shown.count > 1 ? "\u{1B}[\(shown.count - 1)A" : ""
    write("\r\u{1B}[J" + shown.joined(separator: "\n") + "\r" + back)
  }

  private func clear() {
    guard isVisible else { return }
    isVisible = false
    write("\r\u{1B}[J")
  }
}

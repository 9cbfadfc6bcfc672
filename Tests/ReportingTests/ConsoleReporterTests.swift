import Runs
import Testing
import Training

@testable import Reporting

@Suite struct ConsoleReporterTests {
  /// A reporter that writes into memory, on a clock set by hand.
  final class Screen {
    var text = ""
    var time = 100.0
    private(set) var reporter: ConsoleReporter?

    init(_ style: ConsoleReporter.Style) {
      reporter = ConsoleReporter(
        name: "digits", style: style, write: { [unowned self] in text += $0 }, terminal: Terminal(columns: { 61 }),
        now: { [unowned self] in time })
      reporter?.handle(.started(exampleRun()))
    }

    /// What one event writes.
    func show(_ event: TrainingEvent, at seconds: Double) -> String {
      time = 100 + seconds
      text = ""
      reporter?.handle(event)
      return text
    }
  }

  private let epoch: TrainingEvent = .epoch(
    EpochRecord(means: exampleRecord(), validationLoss: nil, validationAccuracy: nil))
  private let epochLine = "epoch  3/20  loss 0.1235 (97.22%)  12,346 images/s  0:12\n"

  @Test("the live lines are redrawn at most ten times a second")
  func theLinesAreRedrawnAtMostTenTimesASecond() {
    let screen = Screen(.live)
    #expect(screen.text.hasPrefix("lockstep \(ProgramVersion.current) · digits\n"))
    let bar =
      "\r\u{1B}[Jepoch  3/20 ━━━───── 0:01 left · step  56/460 · 0:12 elapsed\n"
      + "loss 0.1235 · accuracy 97.22% · 12,346 images/s\r\u{1B}[1A"
    #expect(screen.show(.step(exampleRecord(), progress: true), at: 0.01) == bar)
    #expect(screen.show(.step(exampleRecord(), progress: true), at: 0.1) == "")
    #expect(screen.show(.step(exampleRecord(), progress: false), at: 0.12) == bar)
    #expect(screen.show(epoch, at: 0.13) == "\r\u{1B}[J" + epochLine)
    #expect(screen.show(epoch, at: 0.14) == epochLine, "nothing to clear")
    _ = screen.show(.step(exampleRecord(), progress: true), at: 1)
    screen.text = ""
    screen.reporter?.finish()
    screen.reporter?.finish()
    #expect(screen.text == "\r\u{1B}[J")
  }

  @Test("plain lines show epochs and now and then a step")
  func plainLinesShowEpochsAndNowAndThenASteps() {
    let screen = Screen(.lines)
    let step: TrainingEvent = .step(exampleRecord(), progress: false)
    #expect(screen.show(.step(exampleRecord(), progress: true), at: 60) == "")
    #expect(screen.show(step, at: 9.9) == "")
    #expect(screen.show(step, at: 10) == "epoch  3/20  step  56/460  loss 0.1235 (97.22%)\n")
    #expect(screen.show(step, at: 19) == "")
    #expect(screen.show(epoch, at: 19.5) == epochLine)
    #expect(screen.show(step, at: 29) == "", "an epoch's line counts too")
    #expect(!screen.text.contains("\u{1B}"))
  }

  @Test("the silent style shows only warnings")
  func silentIsSilentButForWarnings() {
    let screen = Screen(.silent)
    #expect(screen.text == "")
    var run = exampleRun()
    run.warnings = ["worker 2 is idle", "worker 2 is idle"]
    #expect(screen.show(.started(run), at: 0) == "lockstep: warning: worker 2 is idle\n")
    #expect(screen.show(epoch, at: 60) == "")
  }

  /// Which worker, where, in what, for how long: in every style.
  @Test("a stuck worker is named", arguments: [ConsoleReporter.Style.live, .lines, .silent])
  func aStuckWorkerIsNamed(style: ConsoleReporter.Style) {
    let screen = Screen(style)
    let pinned = StalledWorker(worker: 1, cpu: 3, phase: .computing, step: 12, seconds: 61.2)
    #expect(
      screen.show(.stalled(pinned), at: 61)
        == "worker 1 on CPU 3 has been computing gradients for 61 s, in step 12; the others wait for it\n")
    let free = StalledWorker(worker: 0, cpu: nil, phase: .starting, step: 1, seconds: 2.34)
    #expect(
      screen.show(.stalled(free), at: 62)
        == "worker 0 has been preparing its memory for 2.3 s, in step 1; the others wait for it\n")
    let late = StalledWorker(worker: 2, cpu: nil, phase: .waiting, step: 3, seconds: 60)
    #expect(
      screen.show(.stalled(late), at: 63)
        == "worker 2 has been held up at a barrier of all workers for 60 s, in step 3; the others wait for it\n")
  }
}
